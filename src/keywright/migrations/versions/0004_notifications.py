"""Which mails a person gets, and the devices that an account was used from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keywright.core.db.types import JsonObject, UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("kw_user", sa.Column("notifications", JsonObject(), nullable=True))
    op.create_table(
        "kw_known_device",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("sign_ins", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["kw_user.id"],
            name=op.f("fk_kw_known_device_user_id_kw_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "name", "network", name=op.f("pk_kw_known_device")),
    )


def downgrade() -> None:
    op.drop_table("kw_known_device")
    op.drop_column("kw_user", "notifications")
