from __future__ import annotations

import sqlalchemy as sa

from keywright.core.db import UtcDateTime, metadata

password_attempts = sa.Table(
    "kw_password_attempt",
    metadata,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Index("ix_kw_password_attempt_last_at", "last_at"),
)
