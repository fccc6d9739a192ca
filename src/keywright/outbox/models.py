from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct


class DueMessage(Struct, frozen=True):
    id: UUID


class SealedMessage(Struct, frozen=True):
    """A row as a courier claims it. `attempts` names the claim: it counts this one too."""

    id: UUID
    kind: str
    payload: bytes
    created_at: datetime
    attempts: int
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"<{self.kind} message {self.id}>"


class Message(Struct, frozen=True):
    """A message as its handler sees it. It never shows its payload by accident."""

    id: UUID
    kind: str
    payload: dict[str, Any]
    created_at: datetime
    attempts: int
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"<{self.kind} message {self.id}>"


class SealedPayload(Struct, frozen=True):
    id: UUID
    payload: bytes


class Count(Struct, frozen=True):
    rows: int


class ParkedMessage(Struct, frozen=True):
    """A message that is not tried again by itself, as an administrator sees it."""

    id: UUID
    kind: str
    created_at: datetime
    attempts: int
    last_error: str | None


class WaitingMessages(Struct, frozen=True):
    waiting: int
    parked: int
    oldest: datetime | None


class Backlog(Struct, frozen=True):
    """How far delivery is behind: `depth` messages wait, the oldest since `oldest_age`."""

    depth: int
    oldest_age: timedelta
    parked: int
