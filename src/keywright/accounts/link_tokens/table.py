from __future__ import annotations

import sqlalchemy as sa

from keywright.accounts.link_tokens.models import LinkPurpose
from keywright.accounts.registrations.table import registrations
from keywright.accounts.users.table import users
from keywright.core.db import TextEnum, UtcDateTime, metadata

link_tokens = sa.Table(
    "kw_link_token",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("purpose", TextEnum(LinkPurpose), nullable=False),
    sa.Column("user_id", sa.Uuid, sa.ForeignKey(users.c.id, ondelete="CASCADE")),
    sa.Column("registration_id", sa.Uuid, sa.ForeignKey(registrations.c.id, ondelete="CASCADE")),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("used_at", UtcDateTime),
    sa.Column("email", sa.String(320)),
    sa.Column("session_id", sa.Uuid),  # may have ended since: points at nothing
    sa.Index("ix_kw_link_token_user_id", "user_id"),
    sa.Index("ix_kw_link_token_registration_id", "registration_id"),
    sa.Index("ix_kw_link_token_expires_at", "expires_at"),
)
