from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class Registration(msgspec.Struct, frozen=True):
    """One sign-up at an address that is not proven yet."""

    id: UUID
    email: str
    email_folded: str
    username: str | None
    name: str | None
    locale: str | None
    profile: dict[str, Any] | None
    password_hash: str
    browser_digest: bytes
    created_at: datetime
    expires_at: datetime
