"""The one connection that writes: units of work that arrive together share a COMMIT.

A batch is BEGIN IMMEDIATE, a SAVEPOINT for each unit after the first, COMMIT. Its own task begins
and commits it, so a cancelled request can neither break the next one nor lose what was already
answered. A unit's body runs without giving way to the event loop, so units never mix; it is
answered after the COMMIT. Single statements are run by the batch's task, all as one unit.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from time import perf_counter
from typing import Any

from keywright.core.db.errors import DatabaseUnavailable
from keywright.core.db.sqlite.batch import Answer, Batch, Write, nothing_else_awaited
from keywright.core.db.sqlite.connection import SqliteConnection
from keywright.core.db.sqlite.patience import retry_while_busy
from keywright.core.db.sqlite.transaction import SqliteTransaction

SLOW_COMMIT = 0.001  # seconds; beyond it the event loop must not wait for the disk
WEIGHT_OF_LAST_COMMIT = 0.2
ROWS_BETWEEN_CHECKPOINTS = 1_000  # changed ones; each touches a few pages of 4 KiB

log = logging.getLogger(__name__)


class Writer:
    def __init__(self, connection: SqliteConnection, lock_timeout: float) -> None:
        self.connection = connection
        self.commits = 0
        self._lock_timeout = lock_timeout
        self._free = asyncio.Lock()  # held from BEGIN to COMMIT
        self._joinable: Batch | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_work: asyncio.Task[object] | None = None
        self._commit_thread = ThreadPoolExecutor(1, "keywright-sqlite-commit")
        self._commit_seconds = 0.0
        self._changes_at_checkpoint = connection.raw.total_changes

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[SqliteTransaction]:
        """A unit of the batch that is open now. Its body awaits nothing but its handle."""
        self._refuse_nesting()
        async with self._unit(self._join()) as transaction:
            with nothing_else_awaited():
                yield transaction

    async def single(self, write: Write[Answer]) -> Answer:
        """What `write`, one statement, answered; it is committed then."""
        self._refuse_nesting()
        return await self._join().add(write)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[SqliteTransaction]:
        """A batch that nobody joins. Its body may await anything, while other writers wait."""
        self._refuse_nesting()
        async with self._unit(self._start_batch()) as transaction:
            yield transaction

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[sqlite3.Connection]:
        """The connection itself, with no transaction open on it."""
        await self._reserve()
        try:
            yield self.connection.raw
        finally:
            self._free.release()

    async def close(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._commit_thread.shutdown()
        self.connection.raw.close()

    @asynccontextmanager
    async def _unit(self, batch: Batch) -> AsyncIterator[SqliteTransaction]:
        async with batch.unit(self.connection) as transaction:
            self._at_work = asyncio.current_task()
            try:
                yield transaction
            finally:
                self._at_work = None
        await batch.ended.wait()
        batch.refuse_if_failed()

    def _refuse_nesting(self) -> None:
        if self._at_work is not None and self._at_work is asyncio.current_task():
            raise RuntimeError(
                "A transaction is open in this task and would wait for itself: write through it."
            )

    def _join(self) -> Batch:
        if self._joinable is None or self._joinable.closed:
            self._joinable = self._start_batch()
        return self._joinable

    def _start_batch(self) -> Batch:
        batch = Batch()
        self._start(self._carry(batch))
        return batch

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, batch: Batch) -> None:
        """From BEGIN to COMMIT; whatever happens, everyone who waits is told."""
        try:
            await self._reserve()
            try:
                await self._begin_to_commit(batch)
            finally:
                self._free.release()
            batch.committed()
        except Exception as error:  # noqa: BLE001 - told to every unit of the batch
            batch.fail(error)
        except BaseException as error:
            batch.fail(error)
            raise
        finally:
            batch.end()
        self._checkpoint_when_due()

    async def _reserve(self) -> None:
        try:
            async with asyncio.timeout(self._lock_timeout):
                await self._free.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable from error

    async def _begin_to_commit(self, batch: Batch) -> None:
        try:
            await retry_while_busy(self._begin, self._lock_timeout)
            batch.begin()
            await batch.drained.wait()
            batch.refuse_if_failed()  # there may be no transaction any more
            batch.run_single_statements(self.connection)
            batch.refuse_if_failed()
            await self._commit()
        except BaseException:
            with suppress(Exception):  # nothing to roll back when SQLite did so itself
                self.connection.command("ROLLBACK")
            raise

    def _begin(self) -> None:
        """With busy_timeout=0: another process's lock must not stop the event loop."""
        self.connection.command("BEGIN IMMEDIATE")

    async def _commit(self) -> None:
        started = perf_counter()
        if self._commit_seconds < SLOW_COMMIT:
            self.connection.command("COMMIT")
        else:
            await self._in_thread("COMMIT")
        self.commits += 1
        seconds = perf_counter() - started
        self._commit_seconds += WEIGHT_OF_LAST_COMMIT * (seconds - self._commit_seconds)

    async def _in_thread(self, command: str) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._commit_thread, self.connection.command, command)

    def _checkpoint_when_due(self) -> None:
        changes = self.connection.raw.total_changes
        if changes - self._changes_at_checkpoint >= ROWS_BETWEEN_CHECKPOINTS:
            self._changes_at_checkpoint = changes
            self._start(self._checkpoint())

    async def _checkpoint(self) -> None:
        """Move the write-ahead log into the file. SQLite would do so within a COMMIT, and the event
        loop would wait for the disk. In a turn of its own nobody writes, so that it comes to its
        end and the next batch begins the log anew.
        """
        try:
            await self._reserve()
            try:
                await self._in_thread("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                self._free.release()
        except DatabaseUnavailable:
            log.warning(
                "The write-ahead log was not checkpointed; it is tried again", exc_info=True
            )
