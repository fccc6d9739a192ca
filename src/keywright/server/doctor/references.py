"""An application's foreign keys to our accounts: those that would keep one from being purged."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from keywright.accounts.users.table import users
from keywright.core.db import Database, Statement
from keywright.migrations.include import PREFIX
from keywright.server.doctor.findings import Finding, ok, warning

PART = "references"
FREEING = {"CASCADE", "SET NULL", "SET DEFAULT", "c", "n", "d"}


class Reference(msgspec.Struct, frozen=True):
    source: str
    on_delete: str


sqlite_schema = sa.table(
    "sqlite_schema", sa.column("name", sa.String), sa.column("type", sa.String)
)
owner = sqlite_schema.alias("owner")
keys_of = sa.func.pragma_foreign_key_list(owner.c.name).table_valued(
    sa.column("table", sa.String), sa.column("on_delete", sa.String)
)
pg_constraint = sa.table(
    "pg_constraint",
    sa.column("conrelid", sa.Integer),
    sa.column("confrelid", sa.Integer),
    sa.column("contype", sa.String),
    sa.column("confdeltype", sa.String),
)
pg_class = sa.table("pg_class", sa.column("oid", sa.Integer), sa.column("relname", sa.String))
source, target = pg_class.alias("source"), pg_class.alias("target")
REFERENCE_COLUMNS: tuple[Any, ...] = (
    sa.cast(source.c.relname, sa.String).label("source"),
    sa.cast(pg_constraint.c.confdeltype, sa.String).label("on_delete"),
)

REFERENCES = {
    "sqlite": Statement(
        sa.select(owner.c.name.label("source"), keys_of.c.on_delete)
        .select_from(owner.join(keys_of, sa.true()))
        .where(owner.c.type == "table", keys_of.c.table == users.name),
        row=Reference,
    ),
    "postgresql": Statement(
        sa.select(*REFERENCE_COLUMNS)
        .join_from(pg_constraint, source, source.c.oid == pg_constraint.c.conrelid)
        .join(target, target.c.oid == pg_constraint.c.confrelid)
        .where(
            sa.cast(pg_constraint.c.contype, sa.String) == "f",
            target.c.relname == users.name,
            sa.func.pg_table_is_visible(target.c.oid),
        ),
        row=Reference,
    ),
}


async def examine_references(db: Database) -> list[Finding]:
    found = await db.many(REFERENCES[db.dialect])
    of_host = [reference for reference in found if not reference.source.startswith(PREFIX)]
    blocking = sorted({ref.source for ref in of_host if ref.on_delete not in FREEING})
    if not blocking:
        return [ok(PART, describe_references(len(of_host)))]
    return [
        warning(
            PART,
            f"Table {table} points at {users.name} without ON DELETE: its rows block whoever "
            "deletes an account's row, and stay behind a purged account, whose row is a tombstone.",
            'Declare ForeignKey(keywright.tables.users.c.id, ondelete="CASCADE") or "SET NULL", '
            "and delete or empty the rows in a hook: `@kw.hooks.on(UserDeleting)`.",
        )
        for table in blocking
    ]


def describe_references(count: int) -> str:
    if not count:
        return "No table of an application points at accounts."
    return f"{count} foreign keys of an application point at accounts; none blocks a purge."
