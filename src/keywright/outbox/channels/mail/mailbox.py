"""Development's mailbox: every mail as an .eml file in the data directory, and in the log.

This is the one place where a mailed secret reaches the log, because in development that is how
a person without a mail server gets at the link. Production never makes one.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

from msgspec import Struct

from keywright.core.log import get_logger
from keywright.core.redaction import Shown
from keywright.core.settings import Settings
from keywright.outbox.channels.mail.message import MailMessage, first_link, write_mime

CAPACITY = 200
log = get_logger("keywright.mail")


class StoredMail(Struct, frozen=True):
    id: UUID
    to: str
    subject: str
    sent_at: datetime
    link: str | None
    text: str
    html: str


class DevelopmentMailbox:
    """Keeps the newest mails of one data directory, readable by its owner alone."""

    def __init__(self, directory: Path, *, capacity: int = CAPACITY) -> None:
        self._directory = directory
        self._capacity = capacity

    async def deliver(self, mail: MailMessage) -> None:
        if await asyncio.to_thread(self._store, mail):
            link = Shown(first_link(mail.text) or "none")
            log.info("development_mail", to=mail.to.addr_spec, subject=mail.subject, link=link)

    def newest_first(self) -> list[StoredMail]:
        return [found for path in self._paths() if (found := read_mail(path))]

    def read(self, mail_id: UUID) -> StoredMail | None:
        return read_mail(self._path(mail_id))

    def _store(self, mail: MailMessage) -> bool:
        """Write it whole or not at all; whether it is new here."""
        path = self._path(mail.id)
        if path.exists():
            return False
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self._directory / f".{mail.id}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(write_mime(mail))
        partial.replace(path)
        for old in self._paths()[self._capacity :]:
            old.unlink(missing_ok=True)
        return True

    def _path(self, mail_id: UUID) -> Path:
        return self._directory / f"{mail_id}.eml"

    def _paths(self) -> list[Path]:
        """The newest first: UUIDv7 names sort by time."""
        return sorted(self._directory.glob("*.eml"), reverse=True)


def open_mailbox(settings: Settings) -> DevelopmentMailbox | None:
    """The mailbox of this data directory; None in production."""
    return DevelopmentMailbox(settings.data_dir / "mail") if settings.development else None


def read_mail(path: Path) -> StoredMail | None:
    """None when it was cleared away meanwhile."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    message = message_from_bytes(content, policy=policy.default)
    text = body_of(message, "plain")
    return StoredMail(
        id=UUID(path.stem),
        to=str(message["To"]),
        subject=str(message["Subject"]),
        sent_at=message["Date"].datetime,
        link=first_link(text),
        text=text,
        html=body_of(message, "html"),
    )


def body_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    content: str = part.get_content() if part else ""
    return content.replace("\r\n", "\n")
