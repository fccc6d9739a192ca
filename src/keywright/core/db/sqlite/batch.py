"""Units of work that share one BEGIN and one COMMIT."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from keywright.core.db.errors import DatabaseUnavailable
from keywright.core.db.sqlite.connection import SqliteConnection
from keywright.core.db.sqlite.errors import translated
from keywright.core.db.sqlite.transaction import SqliteTransaction
from keywright.core.errors import KeywrightError


class ForeignAwait(RuntimeWarning):
    """A shared transaction awaited something other than its handle, while every writer waited."""


class Batch:
    """Open to newcomers until the last unit has left; then it is committed.

    Everyone waits on events of their own, so that one cancelled request disturbs nobody.
    """

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.drained = asyncio.Event()
        self.ended = asyncio.Event()
        self._turn = asyncio.Lock()
        self._members = 0
        self._failure: BaseException | None = None
        self._kept: list[SqliteTransaction] = []

    @property
    def closed(self) -> bool:
        return self.drained.is_set() or self.ended.is_set()

    @asynccontextmanager
    async def unit(self, connection: SqliteConnection) -> AsyncIterator[SqliteTransaction]:
        """One unit's turn, in a SAVEPOINT of its own."""
        with self._membership():
            await self.begun.wait()
            async with self._turn:
                self.refuse_if_failed()
                transaction = SqliteTransaction(connection)
                with self._savepoint(connection), transaction.body():
                    yield transaction
                self._kept.append(transaction)

    @contextmanager
    def _membership(self) -> Iterator[None]:
        self._members += 1
        try:
            yield
        finally:
            self._members -= 1
            if self._members == 0:
                self.drained.set()

    @contextmanager
    def _savepoint(self, connection: SqliteConnection) -> Iterator[None]:
        connection.command("SAVEPOINT unit")
        try:
            yield
            connection.command("RELEASE unit")
        except BaseException:
            self._undo(connection)
            raise

    def _undo(self, connection: SqliteConnection) -> None:
        """Undo one unit. A full disk makes SQLite drop the whole batch: then all have failed."""
        try:
            connection.command("ROLLBACK TO unit")
            connection.command("RELEASE unit")
        except Exception as lost:  # noqa: BLE001 - told to every unit of the batch
            self.fail(lost)

    def fail(self, error: BaseException) -> None:
        """The first failure counts, and SQLite's own word is kept rather than our reading."""
        original = error.__cause__ if isinstance(error, KeywrightError) else error
        self._failure = self._failure or original or error

    def refuse_if_failed(self) -> None:
        if self._failure is None:
            return
        raised = translated(self._failure)
        if raised is self._failure:
            raised = DatabaseUnavailable()
        raise raised from self._failure

    def committed(self) -> None:
        for transaction in self._kept:
            transaction.committed()


@contextmanager
def nothing_else_awaited() -> Iterator[None]:
    """Warn (tests raise) when the event loop ran in the meantime."""
    loop_ran: list[bool] = []
    probe = asyncio.get_running_loop().call_soon(loop_ran.append, True)
    try:
        yield
    finally:
        probe.cancel()
    if loop_ran:
        warnings.warn(
            "A shared transaction awaited something other than its handle. Do that before or "
            "after it, or use transaction(alone=True).",
            ForeignAwait,
            stacklevel=5,  # the end of the caller's `async with`
        )
