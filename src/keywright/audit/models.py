from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec


class AuditEvent(StrEnum):
    REGISTERED = "user.registered"
    EMAIL_VERIFIED = "user.email_verified"
    EMAIL_CHANGE_REQUESTED = "user.email_change_requested"
    EMAIL_CHANGED = "user.email_changed"
    EMAIL_CHANGE_UNDONE = "user.email_change_undone"
    VERIFICATION_RESENT = "user.verification_resent"
    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    USER_EXPORTED = "user.exported"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    USER_DELETED = "user.deleted"
    DELETION_REQUESTED = "user.deletion_requested"
    DELETION_CONFIRMED = "user.deletion_confirmed"
    DELETION_CANCELLED = "user.deletion_cancelled"
    ROLE_GRANTED = "user.role_granted"
    ROLE_REVOKED = "user.role_revoked"
    ROLES_SET = "user.roles_set"
    ACCESS_DENIED = "user.access_denied"
    SIGNED_IN = "session.signed_in"
    SIGNED_OUT = "session.signed_out"
    SESSION_REVOKED = "session.revoked"
    SESSIONS_REVOKED = "session.all_revoked"
    REAUTHENTICATED = "session.reauthenticated"
    REFRESH_TOKEN_REUSED = "session.refresh_token_reused"  # noqa: S105 - an event's name
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - an event's name
    PASSWORD_RESET_REQUESTED = "password.reset_requested"  # noqa: S105 - an event's name
    PASSWORD_RESET = "password.reset"  # noqa: S105 - an event's name
    SIGNING_KEY_ROTATED = "key.rotated"


class Outcome(StrEnum):
    SUCCESS = "success"
    DENIED = "denied"


class AuditRecord(msgspec.Struct, frozen=True):
    """One event with its origin, which is None once it has been erased.

    `event` is text: a row may be of a version that knows more events.
    """

    id: UUID
    at: datetime
    event: str
    outcome: Outcome
    actor_id: UUID | None
    subject_id: UUID | None
    session_id: UUID | None
    request_id: str | None
    details: dict[str, Any] | None
    ip: str | None
    email: str | None
    user_agent: str | None


class AuditCount(msgspec.Struct, frozen=True):
    count: int


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The newest first. `next_before` asks for the following page; None is the end."""

    items: tuple[AuditRecord, ...]
    next_before: UUID | None
