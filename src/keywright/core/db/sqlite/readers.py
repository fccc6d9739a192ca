"""Long reads, in threads beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from keywright.core.db.sqlite.connection import SqliteConnection

Answer = TypeVar("Answer")


class LongReads:
    """Each thread at work holds one connection."""

    def __init__(self, connections: list[SqliteConnection], patience: float) -> None:
        self._connections = connections
        self._idle: SimpleQueue[SqliteConnection] = SimpleQueue()
        for connection in connections:
            connection.command(f"PRAGMA busy_timeout={round(patience * 1000)}")  # threads may wait
            self._idle.put(connection)
        self._threads = ThreadPoolExecutor(len(connections), "keywright-sqlite-read")

    async def read(self, query: Callable[[SqliteConnection], Answer]) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._read, query)

    def _read(self, query: Callable[[SqliteConnection], Answer]) -> Answer:
        connection = self._idle.get()
        try:
            return query(connection)
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Waits for the reads that are under way."""
        self._threads.shutdown()
        for connection in self._connections:
            connection.raw.close()
