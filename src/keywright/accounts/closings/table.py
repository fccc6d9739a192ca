from __future__ import annotations

import sqlalchemy as sa

from keywright.accounts.users.table import users
from keywright.core.db import UtcDateTime, metadata

FAILURE_LENGTH = 300

closings = sa.Table(
    "kw_closing",
    metadata,
    sa.Column("user_id", sa.Uuid, sa.ForeignKey(users.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("confirmed_at", UtcDateTime, nullable=False),
    # the end of the grace; a purge that failed is tried again at `next_try_at`
    sa.Column("deletes_at", UtcDateTime, nullable=False),
    sa.Column("next_try_at", UtcDateTime, nullable=False),
    # counted when a process takes the purge, so that it also names who holds the lease
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("last_error", sa.String(FAILURE_LENGTH)),
    sa.Index("ix_kw_closing_next_try_at", "next_try_at"),
)
