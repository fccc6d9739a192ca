from __future__ import annotations

import sqlalchemy as sa

from keywright.core.db import UtcDateTime, metadata

revocations = sa.Table(
    "kw_revocation",
    metadata,
    # Plain text, not TextEnum: in a rolling update an older process reads a newer one's rows.
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("subject", sa.Uuid, primary_key=True),
    sa.Column("revoked_at", UtcDateTime, nullable=False),
    sa.Index(None, "revoked_at"),
)
