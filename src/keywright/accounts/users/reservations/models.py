from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class Reservation(msgspec.Struct, frozen=True):
    """An address that `user_id` had, kept for that account until `expires_at`."""

    email_folded: str
    email: str
    user_id: UUID
    expires_at: datetime
