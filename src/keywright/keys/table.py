from __future__ import annotations

import sqlalchemy as sa

from keywright.core.db import JsonObject, TextEnum, UtcDateTime, metadata
from keywright.protocol.jwk import Algorithm

signing_keys = sa.Table(
    "kw_signing_key",
    metadata,
    sa.Column("kid", sa.String(64), primary_key=True),
    # Counts from 1. Unique, so that of several processes that add the next key one wins.
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("algorithm", TextEnum(Algorithm, 16), nullable=False),
    sa.Column("public_jwk", JsonObject, nullable=False),
    sa.Column("sealed_private_jwk", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("activates_at", UtcDateTime, nullable=False),
    sa.Column("retires_at", UtcDateTime),
)
