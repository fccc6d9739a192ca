"""The handle inside a PostgreSQL transaction."""

from __future__ import annotations

from typing import Any, TypeVar

from keywright.core.db.postgres.connection import PostgresConnection
from keywright.core.db.statement import Statement
from keywright.core.db.transaction import TransactionLife

Row = TypeVar("Row")


class PostgresTransaction(TransactionLife):
    dialect = "postgresql"

    def __init__(self, connection: PostgresConnection) -> None:
        super().__init__()
        self._connection = connection

    @property
    def raw(self) -> Any:
        """The connection itself, for `kw.orm_session`."""
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
