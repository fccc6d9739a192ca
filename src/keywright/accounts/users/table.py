from __future__ import annotations

import sqlalchemy as sa

from keywright.core.db import JsonObject, TextEnum, UtcDateTime, metadata
from keywright.core.principal import UserStatus

users = sa.Table(
    "kw_user",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", sa.String(320), nullable=False),
    sa.Column("email_folded", sa.String(640), nullable=False, unique=True),
    sa.Column("email_verified_at", UtcDateTime),
    sa.Column("username", sa.String(64)),
    sa.Column("username_folded", sa.String(256), unique=True),
    sa.Column("name", sa.String(200)),
    sa.Column("locale", sa.String(35)),
    sa.Column("password_hash", sa.String(512)),
    sa.Column("password_changed_at", UtcDateTime),
    sa.Column("status", TextEnum(UserStatus), nullable=False),
    sa.Column("profile", JsonObject),
    sa.Column("sign_up_digest", sa.LargeBinary),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    # only what the person chose: what is not named here is as its kind's default says
    sa.Column("notifications", JsonObject),
)

roles = sa.Table(
    "kw_user_role",
    metadata,
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey(users.c.id, ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("role", sa.String(64), primary_key=True),
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("granted_at", UtcDateTime, nullable=False),
    sa.Index("ix_kw_user_role_role", "role"),
)

reserved_addresses = sa.Table(
    "kw_reserved_address",
    metadata,
    sa.Column("email_folded", sa.String(640), primary_key=True),
    sa.Column("email", sa.String(320), nullable=False),
    sa.Column("user_id", sa.Uuid, sa.ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Index("ix_kw_reserved_address_user_id", "user_id"),
    sa.Index("ix_kw_reserved_address_expires_at", "expires_at"),
)
