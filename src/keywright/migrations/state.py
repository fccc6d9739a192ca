"""Where a database stands, without loading Alembic: start-up asks this every time."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from keywright.core.db import Handle, Statement
from keywright.core.errors import ConfigurationError

HEAD = "0004"
VERSION_TABLE = "kw_alembic_version"


class PendingMigrations(ConfigurationError):
    code = "pending_migrations"
    detail = (
        "The database's tables are not those of this version of Keywright: make a backup, then "
        "run `keywright migrate`."
    )


class NewerDatabase(ConfigurationError):
    """A later version of Keywright migrated this database; an older one must not touch it."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"The database is at revision {revision}, which this version of Keywright does not "
            f"know; it knows revisions up to {HEAD}. Run the newer version that migrated it, or "
            "restore the backup from before. Nothing was changed."
        )


class Name(msgspec.Struct, frozen=True):
    name: str


class Revision(msgspec.Struct, frozen=True):
    version_num: str


sqlite_schema = sa.table("sqlite_master", sa.column("name", sa.String))
pg_class = sa.table("pg_class", sa.column("oid", sa.Integer), sa.column("relname", sa.String))
versions = sa.table(VERSION_TABLE, sa.column("version_num", sa.String))

TABLE_EXISTS = {
    "sqlite": Statement(
        sa.select(sqlite_schema.c.name).where(sqlite_schema.c.name == VERSION_TABLE), row=Name
    ),
    "postgresql": Statement(
        sa.select(pg_class.c.relname.label("name")).where(
            pg_class.c.relname == VERSION_TABLE, sa.func.pg_table_is_visible(pg_class.c.oid)
        ),
        row=Name,
    ),
}
REVISION = Statement(sa.select(versions.c.version_num), row=Revision)


async def current_revision(db: Handle) -> str | None:
    """The revision of the database's schema; None for a database without tables of ours."""
    if await db.one(TABLE_EXISTS[db.dialect]) is None:
        return None
    row = await db.one(REVISION)
    return row.version_num if row else None


async def refuse_pending(db: Handle) -> None:
    """Raise `PendingMigrations` or `NewerDatabase` unless the schema is this version's."""
    revision = await current_revision(db)
    refuse_newer(revision)
    if revision != HEAD:
        raise PendingMigrations


def refuse_newer(revision: str | None) -> None:
    """Raise `NewerDatabase`. Revisions are numbered in the order of the history."""
    if revision is not None and revision > HEAD:
        raise NewerDatabase(revision)
