"""Which columns a unique violation is about, whatever the database tells."""

from __future__ import annotations

import sqlalchemy as sa

from keywright.core.db import UniqueViolation
from keywright.core.db.metadata import NAMING_CONVENTION
from keywright.core.db.sqlite.errors import unique_violation

accounts = sa.Table(
    "account",
    sa.MetaData(naming_convention=NAMING_CONVENTION),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", sa.String(320)),
    sa.Column("realm", sa.String(32)),
    sa.Index(None, "email", "realm", unique=True),
    sa.Index("ix_account_email_folded", sa.func.lower(sa.column("email")), unique=True),
)


def test_sqlite_names_columns() -> None:
    violation = unique_violation("UNIQUE constraint failed: account.realm, account.email")
    assert violation.concerns(accounts.c.email, accounts.c.realm)
    assert not violation.concerns(accounts.c.email)


def test_sqlite_names_an_index_over_an_expression() -> None:
    violation = unique_violation("UNIQUE constraint failed: index 'ix_account_email_folded'")
    assert violation.constraint == "ix_account_email_folded"
    assert violation.columns == ()


def test_postgresql_names_the_constraint_or_the_index() -> None:
    assert UniqueViolation("pk_account").concerns(accounts.c.id)
    of_both = UniqueViolation("ix_account_email_realm")
    assert of_both.concerns(accounts.c.realm, accounts.c.email)
    assert not of_both.concerns(accounts.c.id)
