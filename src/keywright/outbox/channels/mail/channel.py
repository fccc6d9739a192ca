"""The outbox's mail kind: from the message in the row to the mail on its way."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from keywright.core.errors import ConfigurationError
from keywright.core.settings import Settings
from keywright.outbox.channels.mail.mailbox import DevelopmentMailbox
from keywright.outbox.channels.mail.mails import AnyMail
from keywright.outbox.channels.mail.message import MailTransport
from keywright.outbox.channels.mail.render import MailRenderer
from keywright.outbox.channels.mail.server import parse_mail_url
from keywright.outbox.channels.mail.smtp import SmtpTransport
from keywright.outbox.models import Message

KIND = "mail"


class MailChannel:
    """`courier.register(KIND, MailChannel(settings, transports).deliver)`"""

    def __init__(self, settings: Settings, transports: Sequence[MailTransport]) -> None:
        self._renderer = MailRenderer(settings)
        self._transports = tuple(transports)

    async def deliver(self, message: Message) -> None:
        said = msgspec.convert(message.payload, AnyMail)
        mail = self._renderer.render(said, message)
        for transport in self._transports:
            await transport.deliver(mail)


def mail_transports(
    settings: Settings, mailbox: DevelopmentMailbox | None
) -> tuple[MailTransport, ...]:
    """The development mailbox, the mail server, or both. Raises `ConfigurationError`."""
    transports: list[MailTransport] = [] if mailbox is None else [mailbox]
    if settings.mail_url is not None:
        server = parse_mail_url(settings.mail_url)
        transports.append(SmtpTransport(server, helo=helo_name(settings)))
    if not transports:
        raise ConfigurationError(
            "Keywright has no way to send mail: set KEYWRIGHT_MAIL_URL, for example "
            "smtp://user:password@smtp.example.com:587?tls=starttls."
        )
    return tuple(transports)


def helo_name(settings: Settings) -> str:
    """The base URL's host; a bare address in brackets (RFC 5321 §4.1.3)."""
    host = urlsplit(settings.base_url).hostname or "localhost"
    if ":" in host:
        return f"[IPv6:{host}]"
    return f"[{host}]" if host.replace(".", "").isdigit() else host
