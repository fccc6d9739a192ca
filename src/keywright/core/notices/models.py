from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class Subject(StrEnum):
    """What a notice is about. All but `USER` and `USER_CHANGED` end for good."""

    SESSION = "session"
    GRANT = "grant"
    API_KEY = "api_key"
    SIGNING_KEY = "signing_key"
    USER = "user"
    USER_CHANGED = "user_changed"


class Notice(msgspec.Struct, frozen=True):
    """`kind` is a `Subject`, or a word that a newer version of Keywright wrote."""

    kind: str
    subject: UUID
    revoked_at: datetime
