"""`Database` on SQLite: reads beside the writer, writes in shared commits."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

from keywright.core.db.errors import DatabaseUnavailable
from keywright.core.db.sqlite.connection import SqliteConnection
from keywright.core.db.sqlite.opening import MEMORY, open_reader, open_writer
from keywright.core.db.sqlite.patience import retry_while_busy
from keywright.core.db.sqlite.readers import LongReads
from keywright.core.db.sqlite.transaction import SqliteTransaction
from keywright.core.db.sqlite.writer import Writer
from keywright.core.db.statement import Statement

Row = TypeVar("Row")
LOCK_TIMEOUT = 5.0  # seconds that a write waits for other writers, here and in other processes
READER_THREADS = 2


class SqliteDatabase:
    """One serving process on one file, or `:memory:` with a single connection, whose reads may
    see what a transaction beside them has not committed yet. `image` is a serialized database
    that one in memory starts as.
    """

    dialect = "sqlite"

    def __init__(
        self,
        path: str | Path = MEMORY,
        *,
        image: bytes | None = None,
        lock_timeout: float = LOCK_TIMEOUT,
        reader_threads: int = READER_THREADS,
    ) -> None:
        self._path = str(path)
        self._image = image
        self._lock_timeout = lock_timeout
        self._reader_threads = reader_threads
        self._writer: Writer | None = None
        self._reader: SqliteConnection | None = None
        self._long_reads: LongReads | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._connect)

    def _connect(self) -> None:
        connection = open_writer(self._path, self._lock_timeout)
        self._writer = Writer(connection, self._lock_timeout)
        if self._path == MEMORY:
            if self._image is not None:
                connection.raw.deserialize(self._image)
            self._reader = connection
            return
        self._reader = open_reader(self._path, self._lock_timeout)
        readers = [open_reader(self._path, self._lock_timeout) for _ in range(self._reader_threads)]
        self._long_reads = LongReads(readers, self._lock_timeout)

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        reader, self._reader = self._reader, None
        long_reads, self._long_reads = self._long_reads, None
        loop = asyncio.get_running_loop()
        if writer is not None:
            await writer.close()
        if long_reads is not None:
            await loop.run_in_executor(None, long_reads.close)
        if reader is not None:
            reader.raw.close()

    async def ping(self) -> None:
        reader = self._opened_reader()
        await retry_while_busy(reader.ping, self._lock_timeout)

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        if statement.writes:
            return await self._opened_writer().single(lambda to: to.one(statement, values))
        reader = self._opened_reader()
        return await retry_while_busy(lambda: reader.one(statement, values), self._lock_timeout)

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]:
        if statement.writes:
            return await self._opened_writer().single(lambda to: to.many(statement, values))
        if statement.long and self._long_reads is not None:
            return await self._long_reads.read(lambda reader: reader.many(statement, values))
        reader = self._opened_reader()
        return await retry_while_busy(lambda: reader.many(statement, values), self._lock_timeout)

    async def run(self, statement: Statement[Any], /, **values: Any) -> int:
        return await self._opened_writer().single(lambda to: to.run(statement, values))

    def transaction(self, *, alone: bool = False) -> AbstractAsyncContextManager[SqliteTransaction]:
        writer = self._opened_writer()
        return writer.alone() if alone else writer.shared()

    def exclusive(self) -> AbstractAsyncContextManager[sqlite3.Connection]:
        """The writing connection by itself, for migrations and backups; other writers wait."""
        return self._opened_writer().exclusive()

    @property
    def commits(self) -> int:
        """How many COMMITs there were since `open`."""
        return self._opened_writer().commits

    def _opened_writer(self) -> Writer:
        if self._writer is None:
            raise DatabaseUnavailable("The database is not open.")
        return self._writer

    def _opened_reader(self) -> SqliteConnection:
        if self._reader is None:
            raise DatabaseUnavailable("The database is not open.")
        return self._reader
