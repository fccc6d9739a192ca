from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from keywright.accounts.users.models import UserRecord


class Session(msgspec.Struct, frozen=True):
    """One sign-in on one device."""

    id: UUID
    user_id: UUID
    created_at: datetime
    last_seen_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    auth_time: datetime
    amr: str
    scope: str | None
    ip: str
    user_agent: str
    page_digest: bytes | None
    refresh_salt: bytes | None
    refresh_generation: int
    rotated_at: datetime


class SessionOfUser(msgspec.Struct, frozen=True):
    """What an access token is made from: the session's freshness and the account, read at once."""

    session_id: UUID
    auth_time: datetime
    amr: str
    scope: str | None
    user: UserRecord


@dataclass(frozen=True, slots=True)
class SessionPage:
    """The most recently used first. `following` is where the next page begins; None is the end."""

    items: tuple[Session, ...]
    following: SessionPosition | None


@dataclass(frozen=True, slots=True)
class SessionPosition:
    """After this session: keyset, so that what ends meanwhile moves nothing."""

    last_seen_at: datetime
    id: UUID


class SessionCount(msgspec.Struct, frozen=True):
    count: int


class SessionId(msgspec.Struct, frozen=True):
    id: UUID
