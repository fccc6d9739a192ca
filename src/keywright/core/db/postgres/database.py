"""`Database` on PostgreSQL: a pool of asyncpg connections.

Nothing here sets session state (no SET, LISTEN, advisory session lock or temporary table), so a
connection goes back to the pool without a round trip to clean it, and PgBouncer may stand between
in transaction mode.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from keywright.core.db.errors import DatabaseUnavailable, commit_unconfirmed
from keywright.core.db.postgres.connection import PostgresConnection, RawConnection
from keywright.core.db.postgres.errors import (
    DRIVER_ERRORS,
    raise_from_write,
    raise_translated,
)
from keywright.core.db.postgres.pool import Pool
from keywright.core.db.postgres.transaction import PostgresTransaction
from keywright.core.db.statement import Statement
from keywright.core.errors import ConfigurationError

Row = TypeVar("Row")
REFUSED_BY_DRIVER = (
    "PostgreSQL's driver cannot use KEYWRIGHT_DATABASE_URL: check its host, its port, its sslmode "
    "and other options and the files that these name, and the PG… variables of the environment."
)


class PostgresDatabase:
    """Times are seconds: to connect, to wait for a free connection, and for one statement."""

    dialect = "postgresql"

    def __init__(
        self,
        dsn: str,
        *,
        pool_size: int = 10,
        connect_timeout: float = 5.0,
        acquire_timeout: float = 5.0,
        command_timeout: float = 10.0,
        statement_cache_size: int = 256,
    ) -> None:
        self._dsn = dsn
        self._pool_size = pool_size
        self._acquire_timeout = acquire_timeout
        self._options: dict[str, Any] = {
            "timeout": connect_timeout,
            "command_timeout": command_timeout,
            "statement_cache_size": statement_cache_size,
            "server_settings": {"application_name": "keywright"},
        }
        self._pool: Pool | None = None
        self._endings: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._pool = Pool(self._connect, size=self._pool_size, patience=self._acquire_timeout)
        try:
            await self.ping()
        except BaseException:
            await self.close()
            raise

    async def _connect(self) -> RawConnection:
        try:
            raw: RawConnection = await connect_to_its_end(self._dsn, **self._options)
        except ValueError:  # it repeats what it cannot read: a password may be in there
            raise ConfigurationError(REFUSED_BY_DRIVER) from None
        except DRIVER_ERRORS as error:
            raise_translated(error)
        return raw

    async def close(self) -> None:
        while self._endings:
            await asyncio.wait(self._endings)
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def ping(self) -> None:
        pool = self._opened_pool()
        raw = await acquire(pool)
        try:
            await raw.execute("SELECT 1")
        except DRIVER_ERRORS as error:
            raise_translated(error)
        finally:
            pool.release(raw)

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        async with self._by_itself(statement) as connection:
            return await connection.one(statement, values)

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]:
        async with self._by_itself(statement) as connection:
            return await connection.many(statement, values)

    async def run(self, statement: Statement[Any], /, **values: Any) -> int:
        async with self._by_itself(statement) as connection:
            return await connection.run(statement, values)

    def _by_itself(self, statement: Statement[Any]) -> Autocommit:
        return Autocommit(self._opened_pool(), statement)

    def transaction(
        self,
        *,
        alone: bool = False,  # noqa: ARG002 - every transaction has its own COMMIT here
    ) -> AbstractAsyncContextManager[PostgresTransaction]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[PostgresTransaction]:
        pool = self._opened_pool()
        raw = await acquire(pool)
        transaction = PostgresTransaction(PostgresConnection(raw, raise_translated))
        try:
            await begin(raw)
            with transaction.body():
                yield transaction
        except BaseException:
            await self._to_its_end(roll_back(pool, raw))
            raise
        await self._to_its_end(commit(pool, raw, transaction))

    async def _to_its_end(self, ending: Coroutine[Any, Any, None]) -> None:
        """A cancelled request leaves, but its COMMIT or ROLLBACK is still seen through."""
        task = asyncio.get_running_loop().create_task(ending)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        await asyncio.shield(task)

    def _opened_pool(self) -> Pool:
        if self._pool is None:
            raise DatabaseUnavailable("The database is not open.")
        return self._pool


class Autocommit:
    """A connection for one statement. Not a generator: this is the path of every look-up."""

    def __init__(self, pool: Pool, statement: Statement[Any]) -> None:
        self._pool = pool
        self._refuse = raise_from_write if statement.writes else raise_translated

    async def __aenter__(self) -> PostgresConnection:
        self._raw = await acquire(self._pool)
        return PostgresConnection(self._raw, self._refuse)

    async def __aexit__(self, *_: object) -> None:
        self._pool.release(self._raw)


async def acquire(pool: Pool) -> RawConnection:
    try:
        return await pool.acquire()
    except DRIVER_ERRORS as error:
        raise_translated(error)


async def begin(raw: RawConnection) -> None:
    try:
        await raw.execute("BEGIN")
    except DRIVER_ERRORS as error:
        raise_translated(error)


async def commit(pool: Pool, raw: RawConnection, transaction: PostgresTransaction) -> None:
    try:
        done = await raw.execute("COMMIT")
    except DRIVER_ERRORS as error:
        raw.terminate()
        raise_from_write(error)
    finally:
        pool.release(raw)
    if done != "COMMIT":
        raise commit_unconfirmed()
    transaction.committed()


async def roll_back(pool: Pool, raw: RawConnection) -> None:
    try:
        await raw.execute("ROLLBACK")
    except DRIVER_ERRORS:
        raw.terminate()  # the server rolls back what it hears no more of
    finally:
        pool.release(raw)


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
