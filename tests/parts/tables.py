"""Databases that hold just the tables a test names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from keywright.core.db import Database
from keywright.core.db.dialects import POSTGRESQL
from keywright.core.db.url import open_database
from parts import postgres


async def create_tables(url: str, tables: Sequence[sa.Table]) -> None:
    if url.startswith("sqlite"):
        engine = sa.create_engine(url)
        tables[0].metadata.create_all(engine, tables=tables)
        engine.dispose()
    else:
        await postgres.execute(url, ";".join(statements(tables, POSTGRESQL)))


def statements(tables: Sequence[sa.Table], dialect: sa.Dialect) -> list[str]:
    parts = [part for t in tables for part in (CreateTable(t), *map(CreateIndex, t.indexes))]
    return [str(part.compile(dialect=dialect)) for part in parts]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'test.db'}"
