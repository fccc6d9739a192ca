from __future__ import annotations

import sqlalchemy as sa

from keywright.audit.models import Outcome
from keywright.core.db import JsonObject, TextEnum, UtcDateTime, metadata

IP_LENGTH = 64
EMAIL_LENGTH = 320
USER_AGENT_LENGTH = 300

# No foreign keys to accounts: the record outlives them.
audit = sa.Table(
    "kw_audit",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("event", sa.String(64), nullable=False),
    sa.Column("outcome", TextEnum(Outcome), nullable=False),
    sa.Column("actor_id", sa.Uuid),
    sa.Column("subject_id", sa.Uuid),
    sa.Column("session_id", sa.Uuid),
    sa.Column("request_id", sa.String(64)),
    sa.Column("details", JsonObject),
    sa.Index(None, "subject_id", "id"),
    sa.Index(None, "actor_id"),
)

# What can be erased without touching the record itself.
audit_origins = sa.Table(
    "kw_audit_origin",
    metadata,
    sa.Column("audit_id", sa.Uuid, sa.ForeignKey(audit.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("ip", sa.String(IP_LENGTH)),
    sa.Column("email", sa.String(EMAIL_LENGTH)),
    sa.Column("user_agent", sa.String(USER_AGENT_LENGTH)),
    sa.Index(None, "email"),
)
