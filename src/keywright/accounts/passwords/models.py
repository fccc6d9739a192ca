from __future__ import annotations

from datetime import datetime

import msgspec


class Attempts(msgspec.Struct, frozen=True):
    """Tries of one counter that have not ended well, those still being judged included."""

    failures: int
    last_at: datetime
