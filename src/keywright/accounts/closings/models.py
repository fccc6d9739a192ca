from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class Closing(msgspec.Struct, frozen=True):
    """`attempts` counts the tries to purge, the one under way too; `last_error` says in a sentence
    without secrets why the last one failed, and `next_try_at` when it is tried again.
    """

    user_id: UUID
    confirmed_at: datetime
    deletes_at: datetime
    next_try_at: datetime
    attempts: int
    last_error: str | None


class ClosingId(msgspec.Struct, frozen=True):
    user_id: UUID


class StuckClosings(msgspec.Struct, frozen=True):
    """Of the purges that are due: how many failed, and since when the oldest waits."""

    due: int
    failed: int
    oldest: datetime | None
