from __future__ import annotations

import sqlalchemy as sa

from keywright.core.db import UtcDateTime, metadata
from keywright.outbox.errors import REASON_LENGTH

outbox = sa.Table(
    "kw_outbox",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.String(64), nullable=False),
    # JSON sealed under the master secret, with the row id as associated data
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # when to try next; NULL is parked: kept for an administrator, not tried again by itself
    sa.Column("due_at", UtcDateTime),
    # counted when a courier takes the message, so that it also names who holds the lease
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("last_error", sa.String(REASON_LENGTH)),
    sa.Index("ix_kw_outbox_due_at", "due_at"),
    sa.Index("ix_kw_outbox_expires_at", "expires_at"),
)
