"""A host's ORM inside our transaction: `kw.orm_session(tx)`.

SQLAlchemy gets the driver's own connection, but not its beginning and its end: what the session
commits is a savepoint of ours, and stands once our transaction does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine

from keywright.core.db import Transaction
from keywright.core.db.borrowed import BorrowedTransaction
from keywright.core.db.sqlite.transaction import SqliteTransaction
from keywright.core.errors import ConfigurationError


class HeldConnection:
    """A driver's connection whose transaction, and whose life, are ours to end."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class HeldAsyncConnection(HeldConnection):
    async def close(  # type: ignore[override]  # asyncpg closes asynchronously
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - asyncpg's own
    ) -> None: ...

    def terminate(self) -> None: ...


@asynccontextmanager
async def orm_session(tx: Transaction, **options: Any) -> AsyncIterator[AsyncSession]:
    """An `AsyncSession` that joins `tx` as a savepoint; `options` are the session's own."""
    async with connection_of(tx) as connection:
        session = AsyncSession(bind=connection, join_transaction_mode="create_savepoint", **options)
        async with session, session.begin():
            yield session


@asynccontextmanager
async def connection_of(tx: Transaction) -> AsyncIterator[AsyncConnection]:
    if isinstance(tx, BorrowedTransaction):
        yield tx.raw
        return
    engine = create_async_engine(
        "sqlite+aiosqlite://" if tx.dialect == "sqlite" else "postgresql+asyncpg://",
        async_creator=creator_of(tx),
        poolclass=sa.NullPool,
        isolation_level="AUTOCOMMIT",  # SQLAlchemy sends no BEGIN or COMMIT of its own
    )
    async with engine.connect() as connection, connection.begin():  # so that sessions nest
        yield connection
    await engine.dispose()


def creator_of(tx: Transaction) -> Any:
    raw: Any = tx.raw  # type: ignore[attr-defined]  # what the drivers' transactions have

    async def open_asyncpg() -> Any:
        return HeldAsyncConnection(raw)

    async def open_aiosqlite() -> Any:
        try:
            import aiosqlite
        except ImportError:
            raise ConfigurationError(
                "kw.orm_session needs aiosqlite on SQLite: install aiosqlite."
            ) from None
        held: Any = HeldConnection(raw)
        return await aiosqlite.Connection(lambda: held, iter_chunk_size=64)

    return open_aiosqlite if isinstance(tx, SqliteTransaction) else open_asyncpg
