"""A mail ready to go out, and its form on the wire."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Protocol
from uuid import UUID

from keywright.outbox.channels.mail.addresses import refuse_header_injection

LINK = re.compile(r"https?://[^\s<>\"]+")
# 7bit: what arrives doesn't depend on a relay's 8BITMIME (RFC 6152)
ASCII_HEADERS = policy.SMTP.clone(cte_type="7bit")
UNICODE_HEADERS = policy.SMTPUTF8.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class MailMessage:
    """One mail to one person. Its text is secret (it holds the link) and is never in its repr.

    `id` is the outbox row's: sent twice, both copies are the same bytes, under one Message-ID.
    """

    id: UUID
    sent_at: datetime
    sender: Address
    to: Address
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)

    @property
    def message_id(self) -> str:
        return f"<{self.id}@{self.sender.domain}>"

    @property
    def needs_smtputf8(self) -> bool:
        return not self.to.username.isascii()


class MailTransport(Protocol):
    async def deliver(self, mail: MailMessage) -> None:
        """Hand it over. Raises `DeliveryFailed` (try again) or `DeliveryRefused` (never)."""
        ...


def write_mime(mail: MailMessage) -> bytes:
    """The mail as RFC 5322 has it, with CRLF line ends. Raises `UnsafeHeader`."""
    rules = UNICODE_HEADERS if mail.needs_smtputf8 else ASCII_HEADERS
    message = EmailMessage(policy=rules)
    for name, value in headers_of(mail).items():
        refuse_header_injection(str(value))
        message[name] = value
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    message.set_boundary(f"=_{mail.id.hex}")
    return message.as_bytes()


def headers_of(mail: MailMessage) -> dict[str, str | Address | datetime]:
    return {
        "From": mail.sender,
        "To": mail.to,
        "Subject": mail.subject,
        "Date": mail.sent_at,
        "Message-ID": mail.message_id,
        "Auto-Submitted": "auto-generated",  # RFC 3834 §5: no out-of-office answers, please
    }


def first_link(text: str) -> str | None:
    """The link that a mail is about: the first in its text."""
    found = LINK.search(text)
    return found.group() if found else None
