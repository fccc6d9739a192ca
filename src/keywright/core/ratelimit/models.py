from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` hits in a window of `per_seconds`, which begins with the first of them."""

    name: str
    amount: int
    per_seconds: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a key stands: hits left in its window, and seconds until the next window."""

    remaining: int
    reset_seconds: int


class Window(msgspec.Struct, frozen=True):
    """A counted window, as the database holds it."""

    hits: int
    ends_at: datetime
