from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class LinkPurpose(StrEnum):
    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose, no password
    CONFIRM_DELETION = "confirm_deletion"
    CANCEL_DELETION = "cancel_deletion"
    CHANGE_EMAIL = "change_email"
    UNDO_EMAIL_CHANGE = "undo_email_change"


class LinkToken(msgspec.Struct, frozen=True):
    """`email` is the address that a link about a change of it gives the account; `session_id` the
    one that asked for that change.
    """

    id: UUID
    purpose: LinkPurpose
    user_id: UUID | None
    registration_id: UUID | None
    email: str | None
    session_id: UUID | None
    created_at: datetime
    expires_at: datetime
