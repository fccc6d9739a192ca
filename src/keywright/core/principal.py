"""Who is asking: the words that routes use, and the promise that `authenticate` keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Protocol
from uuid import UUID

import msgspec
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function
from starlette.requests import Request
from typing_extensions import TypeVar

from keywright.core.roles import EVERYTHING

Profile = TypeVar("Profile", default=None)


class UserStatus(StrEnum):
    """`CLOSING` waits to be purged: its owner may sign in, and do little more than cancel.
    `DELETED` is a tombstone: its id stands for whoever still points at it, and nothing else.
    """

    ACTIVE = "active"
    CLOSING = "closing"
    DISABLED = "disabled"
    DELETED = "deleted"


SIGNING_IN = (UserStatus.ACTIVE, UserStatus.CLOSING)


@dataclass(frozen=True, slots=True)
class User(Generic[Profile]):
    """An account as an application sees it. Carries no secret; valid as a FastAPI answer.

    `notifications` says of each kind of mail that people may switch off whether it is on.
    """

    id: UUID
    email: str
    email_verified: bool
    username: str | None
    name: str | None
    locale: str | None
    roles: tuple[str, ...]
    created_at: datetime
    profile: Profile = None  # type: ignore[assignment]  # the default of the type variable
    status: UserStatus = field(default=UserStatus.ACTIVE)
    notifications: Mapping[str, bool] = field(default_factory=dict, hash=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Described and written as the dataclass that it is, and never read from a request."""
        return no_info_before_validator_function(refuse_user_of_a_request, handler(source))


def refuse_user_of_a_request(value: Any) -> Any:
    """With `user: User = kw.user()`, whose `Depends` is forgotten, FastAPI looks for a user in the
    body: whoever sends one would be whom they like.
    """
    if not isinstance(value, User):
        raise ValueError(  # noqa: TRY004 - what pydantic answers as a field's error
            "A user is not read from a request: write `Depends(kw.user())`."
        )
    return value


class PrincipalKind(StrEnum):
    """What the credential was: first-party access token, or the hosted pages' cookie."""

    SESSION = "session"
    PAGE = "page"


class Principal(msgspec.Struct, frozen=True):
    """Whoever carries the credential of this request, and what they may do now.

    `scopes` are the account's permissions; `narrowed` says that the sign-in asked for fewer.
    """

    kind: PrincipalKind
    user: User[Any] | None
    scopes: frozenset[str]
    session_id: UUID | None = None
    amr: tuple[str, ...] = ()
    narrowed: bool = False

    def may(self, scope: str) -> bool:
        return scope in self.scopes or EVERYTHING in self.scopes


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says. Nobody asked whether its session still stands."""

    subject: str
    session_id: str | None
    scopes: frozenset[str]
    expires_at: datetime
    raw: Mapping[str, Any]


class Authenticator(Protocol):
    async def authenticate(self, request: Request) -> Principal | None:
        """The request's principal, or None without a credential.

        Raises `NotAuthenticated` or `SessionEnded` for a credential that is not good,
        `AccountClosing` for somebody whose account waits to be purged, and `Unavailable` when it
        cannot be judged.
        """
        ...

    async def identify(self, request: Request) -> Principal | None:
        """As `authenticate`, of somebody whose account waits to be purged, too: for the little that
        is open to them.
        """
        ...

    async def reread(self, principal: Principal) -> Principal:
        """The same principal with its account as the database has it this moment."""
        ...

    async def auth_time(self, principal: Principal) -> datetime | None:
        """When the person last proved themselves, from the session's row; None without one."""
        ...

    async def claims(self, request: Request) -> Claims:
        """The access token's claims by its signature alone. Raises `NotAuthenticated`."""
        ...
