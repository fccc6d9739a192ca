from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class KnownDevice(msgspec.Struct, frozen=True):
    """A kind of device in a network that the account signed in from."""

    user_id: UUID
    name: str
    network: str
    first_seen_at: datetime
    last_seen_at: datetime
    sign_ins: int


class SignIns(msgspec.Struct, frozen=True):
    sign_ins: int


class Other(msgspec.Struct, frozen=True):
    user_id: UUID
