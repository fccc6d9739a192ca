"""The two handles that code writes to: a `Database`, and a `Transaction` on it.

Both run `Statement`s: `one` gives a row or None, `many` a list, `run` the number of rows touched.
On a `Database` each call is a transaction of its own. `database.transaction()` is the only way to
write twice; nothing is acknowledged before its COMMIT returned.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from keywright.core.db.statement import Statement

Row = TypeVar("Row")


class Handle(Protocol):
    @property
    def dialect(self) -> str:
        """`"sqlite"` or `"postgresql"`."""
        ...

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        """The first row, or None. Raises `UniqueViolation`, `DatabaseUnavailable`, …"""
        ...

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]: ...

    async def run(self, statement: Statement[Any], /, **values: Any) -> int:
        """How many rows the statement inserted, changed or deleted."""
        ...


class Transaction(Handle, Protocol):
    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the COMMIT has returned; never on a rollback."""
        ...


class Database(Handle, Protocol):
    def transaction(self, *, alone: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """All or nothing. On SQLite several transactions share a COMMIT, and the body awaits
        nothing but its handle; `alone=True` (for code with hooks) gets a COMMIT of its own and
        may await anything.
        """
        ...

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def ping(self) -> None:
        """Raise `DatabaseUnavailable` when the database does not answer."""
        ...
