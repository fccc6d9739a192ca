"""Accounts that their owners have deleted, until they are purged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keywright.core.db.types import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "kw_closing",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=False),
        sa.Column("deletes_at", UtcDateTime(), nullable=False),
        sa.Column("next_try_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["kw_user.id"],
            name=op.f("fk_kw_closing_user_id_kw_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_kw_closing")),
    )
    op.create_index("ix_kw_closing_next_try_at", "kw_closing", ["next_try_at"], unique=False)


def downgrade() -> None:
    """The version before knows neither the status nor the links: these accounts stay."""
    op.drop_index("ix_kw_closing_next_try_at", table_name="kw_closing")
    op.drop_table("kw_closing")
    users = sa.table("kw_user", sa.column("status", sa.String))
    links = sa.table("kw_link_token", sa.column("purpose", sa.String))
    op.execute(users.update().where(users.c.status == "closing").values(status="active"))
    op.execute(links.delete().where(links.c.purpose.in_(["confirm_deletion", "cancel_deletion"])))
