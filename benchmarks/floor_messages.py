"""What the floor reads and answers."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from benchmarks.floor_store import Row


class SignIn(msgspec.Struct):
    email: str
    password: str


class Refresh(msgspec.Struct):
    refresh_token: str


class User(msgspec.Struct):
    id: UUID
    email: str
    email_verified: bool
    username: str | None
    name: str | None
    locale: str | None
    roles: list[str]
    created_at: datetime
    profile: None = None


class Tokens(msgspec.Struct):
    access_token: str
    expires_in: int
    user: User
    refresh_token: str
    token_type: str = "Bearer"


def user_of(row: Row) -> User:
    return User(
        UUID(bytes=row[0]),
        row[1],
        row[2] is not None,
        row[3],
        row[4],
        row[5],
        row[6].split(),
        datetime.fromtimestamp(row[7], UTC),
    )
