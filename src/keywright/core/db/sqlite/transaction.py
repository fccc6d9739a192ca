"""The handle inside a SQLite transaction. Its methods never give way to the event loop."""

from __future__ import annotations

import sqlite3
from typing import Any, TypeVar

from keywright.core.db.sqlite.connection import SqliteConnection
from keywright.core.db.statement import Statement
from keywright.core.db.transaction import TransactionLife

Row = TypeVar("Row")


class SqliteTransaction(TransactionLife):
    dialect = "sqlite"

    def __init__(self, connection: SqliteConnection) -> None:
        super().__init__()
        self._connection = connection

    @property
    def raw(self) -> sqlite3.Connection:
        """The connection itself, for `kw.orm_session`."""
        return self._connection.raw

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        with self.statement():
            return self._connection.one(statement, values)

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]:
        with self.statement():
            return self._connection.many(statement, values)

    async def run(self, statement: Statement[Any], /, **values: Any) -> int:
        with self.statement():
            return self._connection.run(statement, values)
