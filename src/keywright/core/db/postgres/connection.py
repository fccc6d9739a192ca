"""The statements on one connection of the pool."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, Protocol, TypeVar

from keywright.core.db.dialects import POSTGRESQL
from keywright.core.db.postgres.errors import DRIVER_ERRORS
from keywright.core.db.statement import Statement

Row = TypeVar("Row")
Raise = Callable[[Exception], NoReturn]


class RawConnection(Protocol):
    """What is used of asyncpg's connections, which carry no types."""

    async def execute(self, query: str, /, *arguments: Any) -> str: ...
    async def fetch(self, query: str, /, *arguments: Any) -> list[Iterable[Any]]: ...
    async def fetchrow(self, query: str, /, *arguments: Any) -> Iterable[Any] | None: ...
    def is_closed(self) -> bool: ...
    def is_in_transaction(self) -> bool: ...
    def terminate(self) -> None: ...
    async def close(self, *, timeout: float) -> None: ...  # noqa: ASYNC109 - asyncpg's own


class PostgresConnection:
    """`refuse` raises what a driver's error means here: inside a transaction, or by itself."""

    def __init__(self, raw: RawConnection, refuse: Raise) -> None:
        self.raw = raw
        self._refuse = refuse

    async def one(self, statement: Statement[Row], values: Mapping[str, Any]) -> Row | None:
        compiled = statement.compiled(POSTGRESQL)
        arguments = compiled.arguments(values)
        try:
            record = await self.raw.fetchrow(compiled.sql, *arguments)
        except DRIVER_ERRORS as error:
            self._refuse(error)
        return None if record is None else compiled.row(record)

    async def many(self, statement: Statement[Row], values: Mapping[str, Any]) -> list[Row]:
        compiled = statement.compiled(POSTGRESQL)
        arguments = compiled.arguments(values)
        try:
            records = await self.raw.fetch(compiled.sql, *arguments)
        except DRIVER_ERRORS as error:
            self._refuse(error)
        return [compiled.row(record) for record in records]

    async def run(self, statement: Statement[Any], values: Mapping[str, Any]) -> int:
        compiled = statement.compiled(POSTGRESQL)
        arguments = compiled.arguments(values)
        try:
            done = await self.raw.execute(compiled.sql, *arguments)
        except DRIVER_ERRORS as error:
            self._refuse(error)
        return int(done.rpartition(" ")[2])  # "UPDATE 3"
