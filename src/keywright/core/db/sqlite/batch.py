"""Units of work that share one BEGIN and one COMMIT."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, TypeVar

from keywright.core.db.errors import DatabaseUnavailable
from keywright.core.db.sqlite.connection import SqliteConnection
from keywright.core.db.sqlite.errors import translated
from keywright.core.db.sqlite.transaction import SqliteTransaction
from keywright.core.errors import KeywrightError

Answer = TypeVar("Answer")
Write = Callable[[SqliteConnection], Answer]


class ForeignAwait(RuntimeWarning):
    """A shared transaction awaited something other than its handle, while every writer waited."""


class Batch:
    """Open to newcomers until the last unit has left; then what is a single statement runs, and
    all is committed.

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
        self._writes: list[tuple[Write[Any], asyncio.Future[Any]]] = []
        self._outcomes: list[tuple[asyncio.Future[Any], Any, Exception | None]] = []

    @property
    def closed(self) -> bool:
        return self.drained.is_set() or self.ended.is_set()

    def add(self, write: Write[Answer]) -> asyncio.Future[Answer]:
        """What a single statement will have answered, once it is committed."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._writes.append((write, answer))
        return answer

    def begin(self) -> None:
        self.begun.set()
        if self._members == 0:
            self.drained.set()

    def run_single_statements(self, connection: SqliteConnection) -> None:
        """All as one unit. When one fails, maybe after it changed something (its answer cannot be
        read), all is undone and each runs again as its own.
        """
        self._writes = [one for one in self._writes if not one[1].cancelled()]
        if not self._writes:
            return
        try:
            with self._undone_on_failure(connection):
                self._outcomes = [(to, write(connection), None) for write, to in self._writes]
        except Exception:  # noqa: BLE001 - it happens again, to the one whose it is
            self._run_apart(connection)

    def _run_apart(self, connection: SqliteConnection) -> None:
        for write, answer in self._writes:
            if self._failure is not None:
                return
            try:
                with self._savepoint(connection):
                    found = write(connection)
            except Exception as error:  # noqa: BLE001 - told to whoever waits for it
                self._outcomes.append((answer, None, error))
            else:
                self._outcomes.append((answer, found, None))

    @asynccontextmanager
    async def unit(self, connection: SqliteConnection) -> AsyncIterator[SqliteTransaction]:
        """One unit's turn: what it wrote is undone when it fails, and nothing else."""
        with self._membership():
            await self.begun.wait()
            async with self._turn:
                self.refuse_if_failed()
                transaction = SqliteTransaction(connection)
                with self._undone_on_failure(connection), transaction.body():
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

    def _undone_on_failure(self, connection: SqliteConnection) -> AbstractContextManager[None]:
        """SQLite copies each page that changes after a SAVEPOINT, soon into a file of its own: the
        first unit, before which there is nothing to keep, has none.
        """
        return self._savepoint(connection) if self._kept else self._fresh_start(connection)

    @contextmanager
    def _fresh_start(self, connection: SqliteConnection) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._try_to_undo(connection, "ROLLBACK", "BEGIN IMMEDIATE")
            raise

    @contextmanager
    def _savepoint(self, connection: SqliteConnection) -> Iterator[None]:
        connection.command("SAVEPOINT unit")
        try:
            yield
            connection.command("RELEASE unit")
        except BaseException:
            self._try_to_undo(connection, "ROLLBACK TO unit", "RELEASE unit")
            raise

    def _try_to_undo(self, connection: SqliteConnection, *commands: str) -> None:
        """Undo one unit. A full disk makes SQLite drop the whole batch: then all have failed."""
        try:
            for command in commands:
                connection.command(command)
        except Exception as lost:  # noqa: BLE001 - told to every unit of the batch
            self.fail(lost)

    def fail(self, error: BaseException) -> None:
        """The first failure counts, and SQLite's own word is kept rather than our reading."""
        original = error.__cause__ if isinstance(error, KeywrightError) else error
        self._failure = self._failure or original or error

    def refuse_if_failed(self) -> None:
        if self._failure is not None:
            raise refusal_after(self._failure) from self._failure

    def committed(self) -> None:
        for transaction in self._kept:
            transaction.committed()

    def end(self) -> None:
        """Tell everyone, whatever became of it."""
        self.begun.set()
        self.ended.set()
        if self._failure is None:
            self._tell_outcomes()
        else:
            self._tell_failure(self._failure)

    def _tell_outcomes(self) -> None:
        for answer, found, error in self._outcomes:
            if answer.cancelled():
                continue
            if error is None:
                answer.set_result(found)
            else:
                answer.set_exception(error)

    def _tell_failure(self, failure: BaseException) -> None:
        for _, answer in self._writes:
            if not answer.cancelled():
                refusal = refusal_after(failure)
                refusal.__cause__ = failure
                answer.set_exception(refusal)


def refusal_after(failure: BaseException) -> BaseException:
    """What to raise because of it; an error of its own for each who hears of it."""
    raised = translated(failure)
    return DatabaseUnavailable() if raised is failure else raised


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
