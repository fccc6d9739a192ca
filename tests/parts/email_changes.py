"""People who change their e-mail address, and thieves who do it for them."""

from __future__ import annotations

import httpx

from keywright.testing import SentMail
from parts.house import ADA, OTHER_PASSWORD, PASSWORD, House, Visitor, expect

NEW = "ada@new.example.com"
NEWER = "ada@newer.example.com"
THIEFS = "thief@elsewhere.example.com"


async def ask(visitor: Visitor, new_email: str = NEW) -> httpx.Response:
    return await visitor.call("POST", "/auth/change-email", json={"new_email": new_email})


async def confirm(visitor: Visitor, token: str, **fields: str) -> httpx.Response:
    return await visitor.post("/auth/confirm-email-change", json={"token": token, **fields})


async def undo(visitor: Visitor, token: str) -> httpx.Response:
    return await visitor.post("/auth/undo-email-change", json={"token": token})


async def confirmation_for(house: House, email: str = NEW) -> str:
    return (await mail_with(house, email, "/confirm-email-change?")).token


async def way_back_to(house: House, email: str = ADA) -> str:
    return (await mail_with(house, email, "/undo-email-change?")).token


async def mail_with(house: House, email: str, words: str) -> SentMail:
    """The newest such mail. Those of one moment come in any order."""
    return [mail for mail in await house.outbox.mails(email) if words in mail.text][-1]


async def change(house: House, visitor: Visitor, new_email: str = NEW) -> None:
    """The whole of it, a moment later than what was before."""
    house.clock.advance(seconds=1)
    expect(await ask(visitor, new_email), 202)
    expect(await confirm(visitor, await confirmation_for(house, new_email)), 200)


async def steal(house: House, thief: Visitor) -> None:
    """With a session that is fresh: another address, then another password."""
    await change(house, thief, THIEFS)
    expect(await thief.change_password(PASSWORD, OTHER_PASSWORD), 200)
    house.clock.advance(seconds=1)
