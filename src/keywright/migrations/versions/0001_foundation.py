"""Accounts, sessions, keys, messages, limits and the audit record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keywright.core.db.types import JsonObject, UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "kw_audit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("details", JsonObject(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kw_audit")),
    )
    op.create_index(op.f("ix_kw_audit_actor_id"), "kw_audit", ["actor_id"], unique=False)
    op.create_index(
        op.f("ix_kw_audit_subject_id_id"), "kw_audit", ["subject_id", "id"], unique=False
    )
    op.create_table(
        "kw_idempotency_key",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_kw_idempotency_key")),
    )
    op.create_index(
        op.f("ix_kw_idempotency_key_expires_at"), "kw_idempotency_key", ["expires_at"], unique=False
    )
    op.create_table(
        "kw_outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kw_outbox")),
    )
    op.create_index("ix_kw_outbox_due_at", "kw_outbox", ["due_at"], unique=False)
    op.create_index("ix_kw_outbox_expires_at", "kw_outbox", ["expires_at"], unique=False)
    op.create_table(
        "kw_password_attempt",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_kw_password_attempt")),
    )
    op.create_index(
        "ix_kw_password_attempt_last_at", "kw_password_attempt", ["last_at"], unique=False
    )
    op.create_table(
        "kw_rate_limit",
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_kw_rate_limit")),
    )
    op.create_index(op.f("ix_kw_rate_limit_ends_at"), "kw_rate_limit", ["ends_at"], unique=False)
    op.create_table(
        "kw_registration",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("email_folded", sa.String(length=640), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("profile", JsonObject(), nullable=True),
        sa.Column("password_hash", sa.String(length=512), nullable=False),
        sa.Column("browser_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kw_registration")),
    )
    op.create_index(
        "ix_kw_registration_email_folded", "kw_registration", ["email_folded"], unique=False
    )
    op.create_index(
        "ix_kw_registration_expires_at", "kw_registration", ["expires_at"], unique=False
    )
    op.create_table(
        "kw_revocation",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_kw_revocation")),
    )
    op.create_index(
        op.f("ix_kw_revocation_revoked_at"), "kw_revocation", ["revoked_at"], unique=False
    )
    op.create_table(
        "kw_signing_key",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("public_jwk", JsonObject(), nullable=False),
        sa.Column("sealed_private_jwk", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("activates_at", UtcDateTime(), nullable=False),
        sa.Column("retires_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_kw_signing_key")),
        sa.UniqueConstraint("number", name=op.f("uq_kw_signing_key_number")),
    )
    op.create_table(
        "kw_user",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("email_folded", sa.String(length=640), nullable=False),
        sa.Column("email_verified_at", UtcDateTime(), nullable=True),
        sa.Column("username", sa.String(length=64), nullable=True),
        sa.Column("username_folded", sa.String(length=256), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("password_hash", sa.String(length=512), nullable=True),
        sa.Column("password_changed_at", UtcDateTime(), nullable=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("profile", JsonObject(), nullable=True),
        sa.Column("sign_up_digest", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kw_user")),
        sa.UniqueConstraint("email_folded", name=op.f("uq_kw_user_email_folded")),
        sa.UniqueConstraint("username_folded", name=op.f("uq_kw_user_username_folded")),
    )
    op.create_table(
        "kw_audit_origin",
        sa.Column("audit_id", sa.Uuid(), nullable=False),
        sa.Column("ip", sa.String(length=64), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("user_agent", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["audit_id"],
            ["kw_audit.id"],
            name=op.f("fk_kw_audit_origin_audit_id_kw_audit"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_kw_audit_origin")),
    )
    op.create_index(op.f("ix_kw_audit_origin_email"), "kw_audit_origin", ["email"], unique=False)
    op.create_table(
        "kw_link_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("registration_id", sa.Uuid(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["kw_registration.id"],
            name=op.f("fk_kw_link_token_registration_id_kw_registration"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["kw_user.id"],
            name=op.f("fk_kw_link_token_user_id_kw_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kw_link_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_kw_link_token_digest")),
    )
    op.create_index("ix_kw_link_token_expires_at", "kw_link_token", ["expires_at"], unique=False)
    op.create_index(
        "ix_kw_link_token_registration_id", "kw_link_token", ["registration_id"], unique=False
    )
    op.create_index("ix_kw_link_token_user_id", "kw_link_token", ["user_id"], unique=False)
    op.create_table(
        "kw_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("idle_expires_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("auth_time", UtcDateTime(), nullable=False),
        sa.Column("amr", sa.String(length=200), nullable=False),
        sa.Column("scope", sa.String(length=1000), nullable=True),
        sa.Column("ip", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=300), nullable=False),
        sa.Column("page_digest", sa.LargeBinary(), nullable=True),
        sa.Column("refresh_salt", sa.LargeBinary(), nullable=True),
        sa.Column("refresh_generation", sa.Integer(), nullable=False),
        sa.Column("rotated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["kw_user.id"],
            name=op.f("fk_kw_session_user_id_kw_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kw_session")),
        sa.UniqueConstraint("page_digest", name=op.f("uq_kw_session_page_digest")),
    )
    op.create_index("ix_kw_session_expires_at", "kw_session", ["expires_at"], unique=False)
    op.create_index(
        "ix_kw_session_idle_expires_at", "kw_session", ["idle_expires_at"], unique=False
    )
    op.create_index("ix_kw_session_user_id", "kw_session", ["user_id"], unique=False)
    op.create_table(
        "kw_user_role",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["kw_user.id"],
            name=op.f("fk_kw_user_role_user_id_kw_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "role", "source", name=op.f("pk_kw_user_role")),
    )
    op.create_index("ix_kw_user_role_role", "kw_user_role", ["role"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_kw_user_role_role", table_name="kw_user_role")
    op.drop_table("kw_user_role")
    op.drop_index("ix_kw_session_user_id", table_name="kw_session")
    op.drop_index("ix_kw_session_idle_expires_at", table_name="kw_session")
    op.drop_index("ix_kw_session_expires_at", table_name="kw_session")
    op.drop_table("kw_session")
    op.drop_index("ix_kw_link_token_user_id", table_name="kw_link_token")
    op.drop_index("ix_kw_link_token_registration_id", table_name="kw_link_token")
    op.drop_index("ix_kw_link_token_expires_at", table_name="kw_link_token")
    op.drop_table("kw_link_token")
    op.drop_table("kw_audit_origin")
    op.drop_table("kw_user")
    op.drop_table("kw_signing_key")
    op.drop_index(op.f("ix_kw_revocation_revoked_at"), table_name="kw_revocation")
    op.drop_table("kw_revocation")
    op.drop_index("ix_kw_registration_expires_at", table_name="kw_registration")
    op.drop_index("ix_kw_registration_email_folded", table_name="kw_registration")
    op.drop_table("kw_registration")
    op.drop_index(op.f("ix_kw_rate_limit_ends_at"), table_name="kw_rate_limit")
    op.drop_table("kw_rate_limit")
    op.drop_index("ix_kw_password_attempt_last_at", table_name="kw_password_attempt")
    op.drop_table("kw_password_attempt")
    op.drop_index("ix_kw_outbox_expires_at", table_name="kw_outbox")
    op.drop_index("ix_kw_outbox_due_at", table_name="kw_outbox")
    op.drop_table("kw_outbox")
    op.drop_index(op.f("ix_kw_idempotency_key_expires_at"), table_name="kw_idempotency_key")
    op.drop_table("kw_idempotency_key")
    op.drop_index(op.f("ix_kw_audit_subject_id_id"), table_name="kw_audit")
    op.drop_index(op.f("ix_kw_audit_actor_id"), table_name="kw_audit")
    op.drop_table("kw_audit")
