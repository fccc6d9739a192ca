"""The real database, watched: what was asked of it is written down, and may be made to fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from keywright.core.db import Database, DatabaseUnavailable, Statement, Transaction
from keywright.core.notices.repository import SINCE

Row = TypeVar("Row")
Step = Statement[Any] | Literal["COMMIT"]
COMMIT: Step = "COMMIT"
IN_THE_BACKGROUND = (SINCE,)


@dataclass(frozen=True)
class Trouble:
    """The connection is cut `before` or `after` the step of that number, counted from 0: its
    COMMIT included. `lasting` keeps it cut until the trouble is taken away.
    """

    at: int
    when: Literal["before", "after"]
    lasting: bool = False
    error: Callable[[], Exception] = DatabaseUnavailable

    def strikes(self, step: int, when: Literal["before", "after"]) -> bool:
        if self.lasting and (step > self.at or (step == self.at and self.when == "before")):
            return True
        return step == self.at and when == self.when


class WatchedDatabase:
    """`steps` are the statements and COMMITs since it was last cleared; a write by itself is one.

    What runs on its own in the background is neither written down nor made to fail.
    """

    def __init__(self, database: Database) -> None:
        self.watched = database
        self.steps: list[Step] = []
        self.trouble: Trouble | None = None

    @property
    def dialect(self) -> str:
        return self.watched.dialect

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        async with self.step(statement):
            return await self.watched.one(statement, **values)

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]:
        async with self.step(statement):
            return await self.watched.many(statement, **values)

    async def run(self, statement: Statement[Any], /, **values: Any) -> int:
        async with self.step(statement):
            return await self.watched.run(statement, **values)

    def transaction(self, *, alone: bool = False) -> AbstractAsyncContextManager[Transaction]:
        return self._transaction(alone)

    async def open(self) -> None:
        await self.watched.open()

    async def close(self) -> None:
        await self.watched.close()

    async def ping(self) -> None:
        await self.watched.ping()

    @asynccontextmanager
    async def step(self, step: Step) -> AsyncIterator[None]:
        if step in IN_THE_BACKGROUND:
            yield
            return
        number = len(self.steps)
        self.steps.append(step)
        self.fail(number, "before")
        yield
        self.fail(number, "after")

    def fail(self, number: int, when: Literal["before", "after"]) -> None:
        if self.trouble is not None and self.trouble.strikes(number, when):
            raise self.trouble.error()

    @asynccontextmanager
    async def _transaction(self, alone: bool) -> AsyncIterator[Transaction]:
        async with self.watched.transaction(alone=alone) as transaction:
            yield WatchedTransaction(self, transaction)
            number = len(self.steps)
            self.steps.append(COMMIT)
            self.fail(number, "before")
        self.fail(number, "after")


class WatchedTransaction:
    def __init__(self, database: WatchedDatabase, transaction: Transaction) -> None:
        self._database = database
        self._transaction = transaction

    @property
    def dialect(self) -> str:
        return self._transaction.dialect

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        async with self._database.step(statement):
            return await self._transaction.one(statement, **values)

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]:
        async with self._database.step(statement):
            return await self._transaction.many(statement, **values)

    async def run(self, statement: Statement[Any], /, **values: Any) -> int:
        async with self._database.step(statement):
            return await self._transaction.run(statement, **values)

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._transaction.after_commit(callback)
