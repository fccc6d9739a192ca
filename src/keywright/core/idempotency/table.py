from __future__ import annotations

import sqlalchemy as sa

from keywright.core.db import UtcDateTime, metadata

# `resource_id` is set once the call has done its work; until then `holder` is who is at it.
idempotency_keys = sa.Table(
    "kw_idempotency_key",
    metadata,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("request", sa.LargeBinary, nullable=False),
    sa.Column("holder", sa.Uuid, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("resource_id", sa.Uuid),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Index(None, "expires_at"),
)
