"""What a type checker knows in an application; `make check` reads it, nothing runs it."""

from __future__ import annotations

from typing import assert_type
from uuid import UUID

from pydantic import BaseModel
from starlette.requests import Request

from keywright import Keywright, Notification, User, UserCreated
from keywright.core.exporting import Reader
from keywright.core.web.require import (
    ClaimsRequired,
    OptionalUser,
    PrincipalRequired,
    UserRequired,
)


class Profile(BaseModel):
    company: str


async def with_profile(kw: Keywright[Profile], request: Request, user: User[Profile]) -> None:
    assert_type(user.profile, Profile)
    assert_type(user.profile.company, str)
    made = await kw.create_user("ada@example.com", profile=Profile(company="ACME"))
    assert_type(made, User[Profile])
    assert_type((await kw.sign_in(request, "ada@example.com", "secret")).access_token, str)


def typed_by_its_argument() -> None:
    assert_type(Keywright(profile=Profile), Keywright[Profile])
    assert_type(Keywright(), Keywright[None])


def without_profile(user: User) -> None:
    assert_type(user.profile, None)


async def notifications(kw: Keywright, user: User) -> None:
    Keywright(notifications={"price_alert": "Price alerts", "news": Notification("News")})
    assert_type(user.notifications["price_alert"], bool)
    assert_type(await kw.wants_mail(user.id, "price_alert"), bool)


def requirements(kw: Keywright) -> None:
    assert_type(kw.user(verified=True, scopes=["draw"], role="admin", fresh=True), UserRequired)
    assert_type(kw.superuser(), UserRequired)
    assert_type(kw.optional_user(), OptionalUser)
    assert_type(kw.require_scopes("draw", "write"), PrincipalRequired)
    assert_type(kw.claims(scopes=["draw"]), ClaimsRequired)
    kw.user(verifed=True)  # type: ignore[call-arg]  # what is misspelled is seen


def hooks(kw: Keywright) -> None:
    @kw.hooks.after(UserCreated)
    async def greet(event: UserCreated) -> None:
        assert_type(event.user_id, UUID)

    @kw.hooks.exports("orders")
    async def orders(user: User, db: Reader) -> list[str]:
        return [user.email]
