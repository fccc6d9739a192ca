from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from keywright.core.principal import SIGNING_IN, User, UserStatus


class UserRecord(msgspec.Struct, frozen=True):
    """An account as the database holds it, with what never leaves the process."""

    id: UUID
    email: str
    email_folded: str
    email_verified_at: datetime | None
    username: str | None
    name: str | None
    locale: str | None
    password_hash: str | None
    password_changed_at: datetime | None
    status: UserStatus
    profile: dict[str, Any] | None
    sign_up_digest: bytes | None
    created_at: datetime
    notifications: dict[str, Any] | None
    roles: str | None

    @property
    def active(self) -> bool:
        return self.status is UserStatus.ACTIVE

    @property
    def may_sign_in(self) -> bool:
        return self.status in SIGNING_IN

    @property
    def role_names(self) -> tuple[str, ...]:
        return tuple(sorted(set((self.roles or "").split(",")) - {""}))


class AccountFacts(msgspec.Struct, frozen=True):
    """What an account says of itself to its owner, who may take it along."""

    id: UUID
    email: str
    email_verified_at: datetime | None
    username: str | None
    name: str | None
    locale: str | None
    status: UserStatus
    password_changed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    profile: dict[str, Any] | None
    notifications: dict[str, Any] | None


class GivenRole(msgspec.Struct, frozen=True):
    role: str
    source: str
    granted_at: datetime


class UserId(msgspec.Struct, frozen=True):
    id: UUID


class UserCount(msgspec.Struct, frozen=True):
    count: int


@dataclass(frozen=True, slots=True)
class UserFilter:
    """`search` is a part of an e-mail address, a username or a name, in any case; `role` one that
    was given, or `user`, which everybody holds.
    """

    search: str | None = None
    role: str | None = None
    status: UserStatus | None = None


@dataclass(frozen=True, slots=True)
class UserPage:
    """The newest first. `next_before` asks for the following page; None is the end."""

    items: tuple[UserRecord, ...]
    next_before: UUID | None


def public_user(
    record: UserRecord, profile: Any = None, notifications: Mapping[str, bool] | None = None
) -> User[Any]:
    """The account without its secrets. `profile` is the host's model, already built, and
    `notifications` the account's choices beside the defaults.
    """
    return User(
        id=record.id,
        email=record.email,
        email_verified=record.email_verified_at is not None,
        username=record.username,
        name=record.name,
        locale=record.locale,
        roles=record.role_names,
        created_at=record.created_at,
        profile=profile,
        status=record.status,
        notifications=notifications or {},
    )
