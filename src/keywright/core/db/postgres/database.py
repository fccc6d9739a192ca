"""`Database` on PostgreSQL: a pool of asyncpg connections.

Nothing here sets session state (no SET, LISTEN, advisory session lock or temporary table), so a
connection goes back to the pool without a round trip to clean it, and PgBouncer may stand between
in transaction mode.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from keywright.core.db.errors import DatabaseUnavailable, commit_unconfirmed
from keywright.core.db.postgres.connection import PostgresConnection, RawConnection
from keywright.core.db.postgres.errors import (
    DRIVER_ERRORS,
    raise_from_write,
    raise_translated,
)
from keywright.core.db.postgres.transaction import PostgresTransaction
from keywright.core.db.statement import Statement
from keywright.core.errors import ConfigurationError

Row = TypeVar("Row")


class PostgresDatabase:
    """Times are seconds: to connect, to wait for a free connection, and for one statement."""

    dialect = "postgresql"

    def __init__(
        self,
        dsn: str,
        *,
        min_size: int = 2,
        max_size: int = 10,
        connect_timeout: float = 5.0,
        acquire_timeout: float = 5.0,
        command_timeout: float = 10.0,
        statement_cache_size: int = 256,
    ) -> None:
        self._dsn = dsn
        self._acquire_timeout = acquire_timeout
        self._options: dict[str, Any] = {
            "min_size": min_size,
            "max_size": max_size,
            "timeout": connect_timeout,
            "command_timeout": command_timeout,
            "statement_cache_size": statement_cache_size,
            "server_settings": {"application_name": "keywright"},
        }
        self._pool: asyncpg.Pool | None = None
        self._endings: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        try:
            pool = asyncpg.create_pool(
                self._dsn, connect=connect_to_its_end, reset=leave_as_it_is, **self._options
            )
            await pool
        except ValueError as error:
            raise ConfigurationError(f"KEYWRIGHT_DATABASE_URL: {error}.") from error
        except DRIVER_ERRORS as error:
            raise_translated(error)
        self._pool = pool

    async def close(self) -> None:
        while self._endings:
            await asyncio.wait(self._endings)
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def ping(self) -> None:
        async with self._connection() as raw:
            try:
                await raw.fetchval("SELECT 1")
            except DRIVER_ERRORS as error:
                raise_translated(error)

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        async with self._autocommit(statement) as connection:
            return await connection.one(statement, values)

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]:
        async with self._autocommit(statement) as connection:
            return await connection.many(statement, values)

    async def run(self, statement: Statement[Any], /, **values: Any) -> int:
        async with self._autocommit(statement) as connection:
            return await connection.run(statement, values)

    def transaction(
        self,
        *,
        alone: bool = False,  # noqa: ARG002 - every transaction has its own COMMIT here
    ) -> AbstractAsyncContextManager[PostgresTransaction]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[PostgresTransaction]:
        raw = await self._acquire()
        transaction = PostgresTransaction(PostgresConnection(raw, raise_translated))
        try:
            await begin(raw)
            with transaction.body():
                yield transaction
        except BaseException:
            await self._to_its_end(self._roll_back(raw))
            raise
        await self._to_its_end(self._commit(raw, transaction))

    async def _commit(self, raw: RawConnection, transaction: PostgresTransaction) -> None:
        try:
            await commit(raw)
        finally:
            await self._release(raw)
        transaction.committed()

    async def _roll_back(self, raw: RawConnection) -> None:
        try:
            await raw.execute("ROLLBACK")
        except DRIVER_ERRORS:
            with suppress(*DRIVER_ERRORS):  # it may be gone already
                raw.terminate()  # the server rolls back what it hears no more of
        finally:
            await self._release(raw)

    async def _to_its_end(self, ending: Coroutine[Any, Any, None]) -> None:
        """A cancelled request leaves, but its COMMIT or ROLLBACK is still seen through."""
        task = asyncio.get_running_loop().create_task(ending)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        await asyncio.shield(task)

    @asynccontextmanager
    async def _autocommit(self, statement: Statement[Any]) -> AsyncIterator[PostgresConnection]:
        async with self._connection() as raw:
            yield PostgresConnection(
                raw, raise_from_write if statement.writes else raise_translated
            )

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[RawConnection]:
        raw = await self._acquire()
        try:
            yield raw
        finally:
            await self._release(raw)

    async def _acquire(self) -> RawConnection:
        if self._pool is None:
            raise DatabaseUnavailable("The database is not open.")
        try:
            raw: RawConnection = await self._pool.acquire(timeout=self._acquire_timeout)
        except DRIVER_ERRORS as error:
            raise_translated(error)
        return raw

    async def _release(self, raw: RawConnection) -> None:
        assert self._pool is not None
        with suppress(*DRIVER_ERRORS):  # lost; the pool has put it away and opens another
            await self._pool.release(raw)


async def connect_to_its_end(*arguments: Any, **options: Any) -> Any:
    """The driver, cancelled while it connects, leaves errors behind that nobody collects."""
    connecting = asyncio.get_running_loop().create_task(asyncpg.connect(*arguments, **options))
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        connecting.add_done_callback(hang_up)
        raise


def hang_up(connecting: asyncio.Task[Any]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().terminate()


async def leave_as_it_is(_: RawConnection) -> None:
    """The pool's own reset costs a second round trip, and there is nothing to reset."""


async def begin(raw: RawConnection) -> None:
    try:
        await raw.execute("BEGIN")
    except DRIVER_ERRORS as error:
        raise_translated(error)


async def commit(raw: RawConnection) -> None:
    try:
        done = await raw.execute("COMMIT")
    except DRIVER_ERRORS as error:
        raise_from_write(error)
    if done != "COMMIT":
        raise commit_unconfirmed()
