"""Changes of e-mail addresses: what their links are about, and the addresses that are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keywright.core.db.types import UtcDateTime

revision = "0002"
down_revision = "0001"

links = sa.table("kw_link_token", sa.column("purpose", sa.String))


def upgrade() -> None:
    op.add_column("kw_link_token", sa.Column("email", sa.String(length=320), nullable=True))
    op.add_column("kw_link_token", sa.Column("session_id", sa.Uuid(), nullable=True))
    op.create_table(
        "kw_reserved_address",
        sa.Column("email_folded", sa.String(length=640), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["kw_user.id"],
            name=op.f("fk_kw_reserved_address_user_id_kw_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("email_folded", name=op.f("pk_kw_reserved_address")),
    )
    op.create_index(
        "ix_kw_reserved_address_expires_at", "kw_reserved_address", ["expires_at"], unique=False
    )
    op.create_index(
        "ix_kw_reserved_address_user_id", "kw_reserved_address", ["user_id"], unique=False
    )


def downgrade() -> None:
    """Links that the version before does not know go with the addresses that they are about."""
    op.drop_index("ix_kw_reserved_address_user_id", table_name="kw_reserved_address")
    op.drop_index("ix_kw_reserved_address_expires_at", table_name="kw_reserved_address")
    op.drop_table("kw_reserved_address")
    of_changes = links.c.purpose.in_(("change_email", "undo_email_change"))
    op.execute(sa.delete(links).where(of_changes))
    op.drop_column("kw_link_token", "session_id")
    op.drop_column("kw_link_token", "email")
