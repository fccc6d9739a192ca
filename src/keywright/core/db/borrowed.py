"""`Database` inside a host's own transaction, on its SQLAlchemy `AsyncConnection`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from keywright.core.db.borrowed_errors import DRIVER_ERRORS, raise_translated
from keywright.core.db.compiled import Compiled
from keywright.core.db.dialects import SQLITE
from keywright.core.db.statement import Statement
from keywright.core.db.transaction import TransactionLife

Row = TypeVar("Row")
Answer = TypeVar("Answer")


class BorrowedConnection:
    """Runs Keywright's own text, so that a statement means the same on every way to a server."""

    def __init__(self, raw: AsyncConnection) -> None:
        self.raw = raw
        # The stock SQLite compiler gets RETURNING wrong; the parameters are the same.
        self._dialect = SQLITE if raw.dialect.name == "sqlite" else raw.dialect

    async def one(self, statement: Statement[Row], values: Mapping[str, Any]) -> Row | None:
        compiled = statement.compiled(self._dialect)
        record = (await self._execute(compiled, values)).first()
        return None if record is None else compiled.row(record)

    async def many(self, statement: Statement[Row], values: Mapping[str, Any]) -> list[Row]:
        compiled = statement.compiled(self._dialect)
        records = (await self._execute(compiled, values)).all()
        return [compiled.row(record) for record in records]

    async def run(self, statement: Statement[Any], values: Mapping[str, Any]) -> int:
        result = await self._execute(statement.compiled(self._dialect), values)
        return len(result.all()) if statement.row else result.rowcount

    async def _execute(
        self, compiled: Compiled[Any], values: Mapping[str, Any]
    ) -> sa.CursorResult[Any]:
        arguments = compiled.driver_arguments(values)
        return await answered(self.raw.exec_driver_sql(compiled.sql, arguments))


async def answered(work: Awaitable[Answer]) -> Answer:
    try:
        return await work
    except DRIVER_ERRORS as error:
        raise_translated(error)


class BorrowedTransaction(TransactionLife):
    def __init__(self, connection: BorrowedConnection) -> None:
        super().__init__()
        self._connection = connection

    @property
    def dialect(self) -> str:
        return self._connection.raw.dialect.name

    @property
    def raw(self) -> AsyncConnection:
        """The host's connection, for `kw.orm_session`."""
        return self._connection.raw

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        with self.statement():
            return await self._connection.one(statement, values)

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]:
        with self.statement():
            return await self._connection.many(statement, values)

    async def run(self, statement: Statement[Any], /, **values: Any) -> int:
        with self.statement():
            return await self._connection.run(statement, values)


class Borrowed:
    """Every transaction is a savepoint in the host's; what it did is kept when the host commits.

    Only the host knows when that is: it calls `committed` then, and `after_commit` callbacks run.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = BorrowedConnection(connection)
        self._turn = asyncio.Lock()  # savepoints on one connection must not overlap
        self._at_work: asyncio.Task[object] | None = None
        self._kept: list[TransactionLife] = []

    @property
    def dialect(self) -> str:
        return self._connection.raw.dialect.name

    async def open(self) -> None:
        """The host has opened it."""

    async def close(self) -> None:
        """The host will close it."""

    async def ping(self) -> None:
        await answered(self._connection.raw.exec_driver_sql("SELECT 1"))

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        if statement.writes:
            async with self.transaction() as transaction:
                return await transaction.one(statement, **values)
        async with self._my_turn():
            return await self._connection.one(statement, values)

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]:
        if statement.writes:
            async with self.transaction() as transaction:
                return await transaction.many(statement, **values)
        async with self._my_turn():
            return await self._connection.many(statement, values)

    async def run(self, statement: Statement[Any], /, **values: Any) -> int:
        async with self.transaction() as transaction:
            return await transaction.run(statement, **values)

    def transaction(
        self,
        *,
        alone: bool = False,  # noqa: ARG002 - nobody shares a host's transaction
    ) -> AbstractAsyncContextManager[BorrowedTransaction]:
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[BorrowedTransaction]:
        async with self._my_turn():
            transaction = BorrowedTransaction(self._connection)
            async with self._savepoint():
                with transaction.body():
                    yield transaction
            self._kept.append(transaction)

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        if self._at_work is not None and self._at_work is asyncio.current_task():
            raise RuntimeError(
                "A transaction is open in this task and would wait for itself: write through it."
            )
        async with self._turn:
            self._at_work = asyncio.current_task()
            try:
                yield
            finally:
                self._at_work = None

    @asynccontextmanager
    async def _savepoint(self) -> AsyncIterator[None]:
        savepoint = await answered(self._connection.raw.begin_nested())
        try:
            yield
        except BaseException:
            with suppress(sa.exc.DBAPIError):  # lost: the host's whole transaction is
                await savepoint.rollback()
            raise
        await answered(savepoint.commit())

    def committed(self) -> None:
        """Call this once the host's own COMMIT has returned."""
        kept, self._kept = self._kept, []
        for transaction in kept:
            transaction.committed()
