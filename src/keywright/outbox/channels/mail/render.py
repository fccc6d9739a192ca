"""From what a mail says to what the person reads: one template a mail, text and HTML in it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from keywright.core.dates import say_duration, say_moment
from keywright.core.settings import Settings
from keywright.outbox.channels.mail.addresses import recipient, sender
from keywright.outbox.channels.mail.mails import LinkMail, Mail
from keywright.outbox.channels.mail.message import MailMessage
from keywright.outbox.models import Message

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


class MailRenderer:
    """Writes mails in the name of one Keywright: its address, its name, its sender."""

    def __init__(self, settings: Settings) -> None:
        self._base_url = settings.base_url
        self._app_name = settings.app_name
        self._sender = sender(settings.mail_from)

    @cached_property
    def _plain(self) -> Environment:
        return environment(autoescape=False)

    @cached_property
    def _html(self) -> Environment:
        return environment(autoescape=True)

    def render(self, mail: Mail, message: Message) -> MailMessage:
        values = self._values(mail)
        name = f"{mail.__struct_config__.tag}.jinja"
        plain, html = self._plain.get_template(name), self._html.get_template(name)
        return MailMessage(
            id=message.id,
            sent_at=message.created_at,
            sender=self._sender,
            to=recipient(mail.to),
            subject=plain.render(values, part="subject").strip(),
            text=plain.render(values, part="text").strip() + "\n",
            html=html.render(values, part="html").strip() + "\n",
        )

    def _values(self, mail: Mail) -> dict[str, Any]:
        values = {"app_name": self._app_name, "base_url": self._base_url, "device": None}
        values |= msgspec.structs.asdict(mail)
        if isinstance(mail, LinkMail):
            values["link"] = mail_link(self._base_url, mail.page, mail.token)
            values["lifetime"] = say_duration(mail.expires_at - mail.at)
        return values


def environment(*, autoescape: bool) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # with the first mail

    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=autoescape,  # noqa: S701 - off for plain text alone, where entities are noise
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters["moment"] = say_moment
    return jinja


def mail_link(base_url: str, page: str, token: str) -> str:
    """Built from the setting alone: no Host or forwarding header comes near it."""
    return f"{base_url}/{page}?{urlencode({'token': token})}"
