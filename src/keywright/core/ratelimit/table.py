from __future__ import annotations

import sqlalchemy as sa

from keywright.core.db import UtcDateTime, metadata

rate_limits = sa.Table(
    "kw_rate_limit",
    metadata,
    sa.Column("key", sa.String(160), primary_key=True),
    sa.Column("hits", sa.Integer, nullable=False),
    sa.Column("ends_at", UtcDateTime, nullable=False),
    sa.Index(None, "ends_at"),
)
