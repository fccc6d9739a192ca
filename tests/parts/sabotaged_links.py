"""Defences of mailed links as somebody would have them who forgot one thing."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from keywright.accounts.link_tokens.models import LinkToken
from keywright.accounts.users import service as users

Defence = Any


def repeat_what_was_typed(original: Defence) -> Defence:
    """The mail of the link greets by name."""

    async def mail_confirmation(kw: Any, tx: Any, link: LinkToken, token: str) -> None:
        user = await users.get(tx, link.user_id)
        mail = kw.outbox.mail

        async def by_name(tx: Any, said: Any) -> None:
            await mail(tx, replace(said, network=user.name))

        kw.outbox.mail = by_name
        with suppress(AssertionError):
            await original(kw, tx, link, token)
        del kw.outbox.mail

    return mail_confirmation
