from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class LinkPurpose(StrEnum):
    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose, no password


class LinkToken(msgspec.Struct, frozen=True):
    id: UUID
    purpose: LinkPurpose
    user_id: UUID | None
    registration_id: UUID | None
    expires_at: datetime
