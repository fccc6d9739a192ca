from __future__ import annotations

import sqlalchemy as sa

from keywright.core.db import JsonObject, UtcDateTime, metadata

registrations = sa.Table(
    "kw_registration",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", sa.String(320), nullable=False),
    sa.Column("email_folded", sa.String(640), nullable=False),
    sa.Column("username", sa.String(64)),
    sa.Column("name", sa.String(200)),
    sa.Column("locale", sa.String(35)),
    sa.Column("profile", JsonObject),
    sa.Column("password_hash", sa.String(512), nullable=False),
    sa.Column("browser_digest", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Index("ix_kw_registration_email_folded", "email_folded"),
    sa.Index("ix_kw_registration_expires_at", "expires_at"),
)
