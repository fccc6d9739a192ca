from __future__ import annotations

import sqlalchemy as sa

from keywright.accounts.users.table import users
from keywright.core.db import UtcDateTime, metadata

# A session of the pages has a `page_digest`; one of the API has a refresh family, which is its
# `refresh_salt` and `refresh_generation`. Neither has both, so neither works in the other's place.
sessions = sa.Table(
    "kw_session",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, sa.ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("idle_expires_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("auth_time", UtcDateTime, nullable=False),
    sa.Column("amr", sa.String(200), nullable=False),
    sa.Column("scope", sa.String(1000)),
    sa.Column("ip", sa.String(64), nullable=False),
    sa.Column("user_agent", sa.String(300), nullable=False),
    sa.Column("page_digest", sa.LargeBinary, unique=True),
    sa.Column("refresh_salt", sa.LargeBinary),
    sa.Column("refresh_generation", sa.Integer, nullable=False),
    sa.Column("rotated_at", UtcDateTime, nullable=False),
    sa.Index("ix_kw_session_user_id", "user_id"),
    sa.Index("ix_kw_session_expires_at", "expires_at"),
    sa.Index("ix_kw_session_idle_expires_at", "idle_expires_at"),
)
