"""Run the history up or down, once, however many processes start at the same time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.pool import StaticPool

from keywright.core.db import Database
from keywright.core.db.sqlite import SqliteDatabase
from keywright.core.errors import KeywrightError
from keywright.migrations.state import HEAD

LOCK = 0x6B65_7977  # "keyw": the advisory lock that migrations of one database share
BUSY_TRIES = 600
BUSY_SECONDS = 0.05
Step = Callable[[Config], None]


class BrokenReferences(KeywrightError):
    code = "broken_references"
    title = "The migration was undone"
    detail = "The migration would have left rows that point at nothing; it was undone."


async def upgrade(db: Database, url: str, revision: str = HEAD) -> None:
    """Bring the schema to `revision`. A second call, or process, finds nothing to do."""
    await migrate(db, url, lambda config: command.upgrade(config, revision))


async def downgrade(db: Database, url: str, revision: str = "base") -> None:
    """Take the schema back to `revision`. Data of what is removed is gone."""
    await migrate(db, url, lambda config: command.downgrade(config, revision))


async def migrate(db: Database, url: str, step: Step) -> None:
    if isinstance(db, SqliteDatabase):
        await migrate_sqlite(db, step)
    else:
        await migrate_postgres(url, step)


async def migrate_sqlite(db: SqliteDatabase, step: Step) -> None:
    """One transaction with foreign keys off: rebuilding a table must not delete its children."""
    async with db.exclusive() as raw:
        await begin_when_free(raw)
        try:
            held: Any = HeldConnection(raw)
            engine = sa.create_engine("sqlite://", creator=lambda: held, poolclass=StaticPool)
            with engine.connect() as connection:
                step(alembic_config(connection))
            refuse_broken_references(raw)
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raise
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


async def begin_when_free(raw: sqlite3.Connection) -> None:
    raw.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
    for attempt in range(BUSY_TRIES):
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            if attempt == BUSY_TRIES - 1:
                raise
            await asyncio.sleep(BUSY_SECONDS)
        else:
            return


class HeldConnection:
    """Our connection as SQLAlchemy gets it: the transaction on it is ours to end."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


def refuse_broken_references(raw: sqlite3.Connection) -> None:
    if raw.execute("PRAGMA foreign_key_check").fetchall():
        raise BrokenReferences


async def migrate_postgres(url: str, step: Step) -> None:
    import asyncpg  # type: ignore[import-untyped]  # an extra, without types
    from sqlalchemy.ext.asyncio import create_async_engine

    dsn = "postgresql" + url[url.index(":") :]
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(dsn),
        poolclass=sa.NullPool,
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
            await connection.run_sync(lambda sync: step(alembic_config(sync)))
    finally:
        await engine.dispose()


def alembic_config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
