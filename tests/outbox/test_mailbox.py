from __future__ import annotations

import io
import logging
import stat
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from parts.outbox import ADA, NOW, RESET, TOKEN, make_settings, plain_mail

from keywright.core.errors import ConfigurationError
from keywright.core.ids import new_id
from keywright.core.log import build_formatter
from keywright.core.settings import Settings
from keywright.outbox.channels.mail.channel import MailChannel, mail_transports
from keywright.outbox.channels.mail.mailbox import DevelopmentMailbox, open_mailbox
from keywright.outbox.channels.mail.smtp import SmtpTransport
from keywright.outbox.models import Message

pytestmark = pytest.mark.anyio

LINK = f"https://accounts.example.test/reset-password?token={TOKEN}"


@pytest.fixture
def mailbox(tmp_path: Path) -> DevelopmentMailbox:
    return DevelopmentMailbox(tmp_path / "mail", capacity=5)


def id_at(minute: int) -> UUID:
    return new_id(NOW + timedelta(minutes=minute))


async def test_a_mail_is_kept_as_the_person_would_get_it(mailbox: DevelopmentMailbox) -> None:
    mail = plain_mail(subject="Grüße")
    await mailbox.deliver(mail)
    stored = mailbox.read(mail.id)
    assert stored is not None
    assert (stored.id, stored.to, stored.subject) == (mail.id, ADA, "Grüße")
    assert (stored.sent_at, stored.link) == (NOW, LINK)
    assert (stored.text, stored.html) == (mail.text, mail.html)
    assert mailbox.newest_first() == [stored]


async def test_the_newest_mails_come_first_and_the_oldest_go(mailbox: DevelopmentMailbox) -> None:
    ids = [id_at(minute) for minute in range(8)]
    for row_id in (ids[3], *ids):
        await mailbox.deliver(plain_mail(row_id=row_id))
    assert [mail.id for mail in mailbox.newest_first()] == ids[:2:-1]
    assert mailbox.read(ids[0]) is None


async def test_files_are_readable_by_their_owner_alone_and_never_half_written(
    mailbox: DevelopmentMailbox, tmp_path: Path
) -> None:
    await mailbox.deliver(plain_mail())
    (file,) = (tmp_path / "mail").iterdir()
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700


async def test_an_empty_mailbox_is_empty(mailbox: DevelopmentMailbox) -> None:
    assert mailbox.newest_first() == []
    assert mailbox.read(uuid4()) is None


async def test_the_log_names_recipient_subject_and_link_once(
    mailbox: DevelopmentMailbox, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(2):
        await mailbox.deliver(plain_mail(subject="Hello there"))
    (record,) = [each for each in caplog.records if each.name == "keywright.mail"]
    line = build_formatter(settings, io.StringIO()).format(record)
    for shown in (ADA, "Hello there", LINK):
        assert shown in line
        assert shown in record.getMessage()


async def test_development_needs_no_mail_server(settings: Settings) -> None:
    mailbox = open_mailbox(settings)
    assert mailbox is not None
    assert mail_transports(settings, mailbox) == (mailbox,)


async def test_development_with_a_mail_server_uses_both(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, mail_url="smtp://mail.test")
    mailbox = open_mailbox(settings)
    assert [type(each) for each in mail_transports(settings, mailbox)] == [
        DevelopmentMailbox,
        SmtpTransport,
    ]


async def test_production_keeps_no_mail_and_needs_a_mail_server(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, env="production")
    assert open_mailbox(settings) is None
    with pytest.raises(ConfigurationError, match="KEYWRIGHT_MAIL_URL"):
        mail_transports(settings, None)


async def test_a_message_becomes_a_mail_in_the_mailbox(settings: Settings) -> None:
    mailbox = open_mailbox(settings)
    assert mailbox is not None
    payload = {
        "template": "reset_password",
        "to": RESET.to,
        "at": NOW.isoformat(),
        "token": TOKEN,
        "expires_at": (NOW + timedelta(hours=1)).isoformat(),
    }
    message = Message(uuid4(), "mail", payload, NOW, attempts=1, expires_at=None)
    await MailChannel(settings, [mailbox]).deliver(message)
    stored = mailbox.read(message.id)
    assert stored is not None
    assert stored.link == LINK
    assert stored.subject == "Reset your password for Example & Sons"
