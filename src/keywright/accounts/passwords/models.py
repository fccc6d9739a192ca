from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec


class Attempts(msgspec.Struct, frozen=True):
    """Tries of one counter that have not ended well, those still being judged included."""

    failures: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whose failures an attempt counts among: `device` is a known browser's, or None."""

    account: str
    device: str | None
