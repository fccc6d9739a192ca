"""A database's schema and rows from outside: through SQLAlchemy, as an application of a host sees them."""

from __future__ import annotations

import enum
import itertools
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from keywright.core.db import Database, JsonObject, TextEnum, UtcDateTime, open_database

Answer = TypeVar("Answer")
Rows = dict[str, list[tuple[Any, ...]]]
START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """An empty database of one test."""

    url: str

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Database]:
        db = open_database(self.url)
        await db.open()
        try:
            yield db
        finally:
            await db.close()

    async def work(self, function: Callable[..., Answer], *arguments: Any) -> Answer:
        """`function(connection, …)` in a transaction of a connection of our own."""
        driver = "sqlite+aiosqlite" if self.is_sqlite else "postgresql+asyncpg"
        engine = create_async_engine(
            driver + self.url[self.url.index(":") :], poolclass=sa.NullPool
        )
        try:
            async with engine.begin() as connection:
                if self.is_sqlite:
                    await connection.exec_driver_sql("PRAGMA foreign_keys=ON")
                return await connection.run_sync(function, *arguments)
        finally:
            await engine.dispose()


def host_tables() -> sa.MetaData:
    """A host's own tables: `photo` points at our user, `note` has nothing to do with us."""
    metadata = sa.MetaData()
    sa.Table("kw_user", metadata, sa.Column("id", sa.Uuid, primary_key=True))
    sa.Table(
        "photo",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "owner_id",
            sa.Uuid,
            sa.ForeignKey("kw_user.id", name="fk_photo_owner", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("title", sa.String(50)),
    )
    sa.Table("note", metadata, sa.Column("id", sa.Integer, primary_key=True))
    return metadata


def fill(connection: sa.Connection, metadata: sa.MetaData, *, rows: int = 3) -> None:
    """Rows in every table, each with a value in every column, children pointing at parents."""
    keys: dict[str, list[Mapping[str, Any]]] = {}
    numbers = itertools.count(1)
    for table in metadata.sorted_tables:
        made = [make_row(table, keys, index, numbers) for index in range(rows)]
        connection.execute(table.insert(), made)
        keys[table.name] = made


def make_row(
    table: sa.Table, keys: Mapping[str, list[Mapping[str, Any]]], index: int, numbers: Any
) -> dict[str, Any]:
    row = {column.name: make_value(column, next(numbers)) for column in table.columns}
    for key in table.foreign_keys:
        row[key.parent.name] = keys[key.column.table.name][index][key.column.name]
    return row


def make_value(column: sa.Column[Any], number: int) -> Any:
    kind = column.type
    if isinstance(kind, TextEnum):
        members: list[enum.Enum] = list(kind.members)
        return members[number % len(members)]
    if isinstance(kind, sa.String):
        return f"{number} 🔑 ".ljust(kind.length or 10, "é")[: kind.length]
    makers: dict[type[Any], Callable[[], Any]] = {
        UtcDateTime: lambda: START + timedelta(hours=number),
        JsonObject: lambda: {"number": number, "text": "🔑", "deep": [{"a": None}]},
        sa.Uuid: lambda: uuid.UUID(int=number),
        sa.LargeBinary: lambda: bytes([number % 256, 0, 255]) + str(number).encode(),
        sa.Boolean: lambda: bool(number % 2),
        sa.Integer: lambda: number,
    }
    return next(make() for known, make in makers.items() if isinstance(kind, known))


def read_all(connection: sa.Connection, metadata: sa.MetaData) -> Rows:
    """Every row of every table, in the order of their keys."""
    return {
        table.name: [
            tuple(row)
            for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))
        ]
        for table in metadata.sorted_tables
    }


def table_names(connection: sa.Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names())
