"""A database that fails at a statement of the test's choice; everything else is the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from keywright.core.db import Database, DatabaseUnavailable, Statement, Transaction

Row = TypeVar("Row")


class FaultyDatabase:
    """Raises instead of running the `fail_at`-th statement (counted from 1), and lets others pass.

    `statements` counts them: run a story once to learn how many it has, then fail at each.
    """

    def __init__(
        self,
        database: Database,
        *,
        fail_at: int | None = None,
        error: Callable[[], Exception] = DatabaseUnavailable,
    ) -> None:
        self._database = database
        self.fail_at = fail_at
        self.error = error
        self.statements = 0

    @property
    def dialect(self) -> str:
        return self._database.dialect

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        self.count()
        return await self._database.one(statement, **values)

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]:
        self.count()
        return await self._database.many(statement, **values)

    async def run(self, statement: Statement[Any], /, **values: Any) -> int:
        self.count()
        return await self._database.run(statement, **values)

    def transaction(self, *, alone: bool = False) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction(alone)

    @asynccontextmanager
    async def _transaction(self, alone: bool) -> AsyncIterator[Transaction]:
        async with self._database.transaction(alone=alone) as transaction:
            yield FaultyTransaction(self, transaction)

    async def open(self) -> None:
        await self._database.open()

    async def close(self) -> None:
        await self._database.close()

    async def ping(self) -> None:
        await self._database.ping()

    def count(self) -> None:
        self.statements += 1
        if self.statements == self.fail_at:
            raise self.error()


class FaultyTransaction:
    def __init__(self, database: FaultyDatabase, transaction: Transaction) -> None:
        self._database = database
        self._transaction = transaction

    @property
    def dialect(self) -> str:
        return self._transaction.dialect

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        self._database.count()
        return await self._transaction.one(statement, **values)

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]:
        self._database.count()
        return await self._transaction.many(statement, **values)

    async def run(self, statement: Statement[Any], /, **values: Any) -> int:
        self._database.count()
        return await self._transaction.run(statement, **values)

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._transaction.after_commit(callback)
