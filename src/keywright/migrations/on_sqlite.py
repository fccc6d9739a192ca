"""A step of the history on SQLite: one transaction, with foreign keys off."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from keywright.core.db.sqlite import SqliteDatabase
from keywright.core.db.sqlite.connection import raise_translated
from keywright.core.db.sqlite.patience import retry_while_busy
from keywright.core.errors import KeywrightError
from keywright.migrations.include import PREFIX

BUSY_SECONDS = 30.0  # other processes may be migrating


class BrokenReferences(KeywrightError):
    code = "broken_references"
    title = "The migration was undone"
    detail = "The migration would have left rows that point at nothing; it was undone."


async def on_sqlite(db: SqliteDatabase, step: Callable[[sa.Connection], None]) -> None:
    """Rebuilding a table drops the old one: with foreign keys on that deletes its children."""
    async with db.exclusive() as raw:
        try:
            raw.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
            await begin_when_free(raw)
            broken = broken_references(raw)
            step_through(raw, step)
            refuse_newly_broken(raw, broken)
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raise
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


async def begin_when_free(raw: sqlite3.Connection) -> None:
    try:
        await retry_while_busy(lambda: raw.execute("BEGIN IMMEDIATE"), BUSY_SECONDS)
    except sqlite3.Error as error:
        raise_translated(error)


def step_through(raw: sqlite3.Connection, step: Callable[[sa.Connection], None]) -> None:
    held: Any = HeldConnection(raw)
    engine = sa.create_engine("sqlite://", creator=lambda: held, poolclass=StaticPool)
    with engine.connect() as connection:
        step(connection)


class HeldConnection:
    """Our connection as SQLAlchemy gets it: the transaction on it is ours to end."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


def broken_references(raw: sqlite3.Connection) -> Counter[tuple[str, str]]:
    """How many rows of which table point at a row of ours that is not there."""
    return Counter(
        (table, parent)
        for concerned in tables_that_point_at_ours(raw)
        for table, _, parent, _ in raw.execute(f"PRAGMA foreign_key_check({quoted(concerned)})")
        if parent.startswith(PREFIX)
    )


def tables_that_point_at_ours(raw: sqlite3.Connection) -> Iterator[str]:
    tables = raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    for (name,) in tables:
        keys = raw.execute(f"PRAGMA foreign_key_list({quoted(name)})").fetchall()
        if any(parent.startswith(PREFIX) for _, _, parent, *_ in keys):
            yield name


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def refuse_newly_broken(raw: sqlite3.Connection, before: Counter[tuple[str, str]]) -> None:
    """What an application had broken before is its own. Raises `BrokenReferences`."""
    if broken_references(raw) - before:
        raise BrokenReferences
