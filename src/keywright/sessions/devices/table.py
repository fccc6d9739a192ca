from __future__ import annotations

import sqlalchemy as sa

from keywright.accounts.users.table import users
from keywright.core.db import UtcDateTime, metadata

NETWORK_LENGTH = 64

known_devices = sa.Table(
    "kw_known_device",
    metadata,
    sa.Column("user_id", sa.Uuid, sa.ForeignKey(users.c.id, ondelete="CASCADE"), primary_key=True),
    # in words of ours ("Firefox on Windows"), so that a browser's next version is no new device
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("network", sa.String(NETWORK_LENGTH), primary_key=True),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("sign_ins", sa.Integer, nullable=False),
)
