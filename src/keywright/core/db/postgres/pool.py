"""Connections kept open between requests.

asyncpg's own pool makes a task for each release and, with a time limit, for each acquisition: at
a look-up of 60 µs they cost more than the look-up. Here both are plain calls while a connection is
free. Nothing is reset in between, for nothing sets session state.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from keywright.core.db.errors import DatabaseUnavailable
from keywright.core.db.postgres.connection import RawConnection

IDLE_SECONDS = 300.0  # after that a firewall in between may have forgotten the connection
CLOSE_SECONDS = 5.0


class Pool:
    """At most `size` connections; whoever waits longest is served first."""

    def __init__(
        self, connect: Callable[[], Awaitable[RawConnection]], *, size: int, patience: float
    ) -> None:
        self._connect = connect
        self._size = size
        self._patience = patience
        self._opened = 0
        self._idle: list[tuple[float, RawConnection]] = []  # the one used last is used next
        self._waiting: deque[asyncio.Future[RawConnection | None]] = deque()
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._pruning = self._loop.call_later(IDLE_SECONDS, self._prune)

    async def acquire(self) -> RawConnection:
        """Raises `TimeoutError` after `patience` seconds without a free connection."""
        while self._idle:
            _, raw = self._idle.pop()
            if not raw.is_closed():
                return raw
            self._opened -= 1
        if self._opened < self._size:
            self._opened += 1
        elif served := await self._wait():
            return served
        return await self._fill_place()

    def release(self, raw: RawConnection) -> None:
        """Never waits; a connection in doubt is hung up rather than given to the next one."""
        if self._closed or raw.is_closed() or raw.is_in_transaction():
            raw.terminate()
            self._vacate()
        else:
            self._offer(raw)

    async def close(self) -> None:
        """Connections that are in use are hung up when they come back."""
        self._closed = True
        self._pruning.cancel()
        while turn := self._next_turn():
            turn.set_exception(DatabaseUnavailable("The database is closing."))
        idle, self._idle = self._idle, []
        await asyncio.gather(*(raw.close(timeout=CLOSE_SECONDS) for _, raw in idle))

    async def _wait(self) -> RawConnection | None:
        """A connection, or None for the place of one that was lost."""
        turn: asyncio.Future[RawConnection | None] = self._loop.create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._patience):
                return await turn
        except BaseException:
            self._pass_on(turn)
            raise

    def _pass_on(self, turn: asyncio.Future[RawConnection | None]) -> None:
        """Who was served just when giving up hands it to the next one."""
        if turn in self._waiting:
            self._waiting.remove(turn)
        elif not turn.cancelled() and turn.exception() is None:
            if raw := turn.result():
                self.release(raw)
            else:
                self._vacate()

    async def _fill_place(self) -> RawConnection:
        """Connect in a place that is counted already."""
        try:
            return await self._connect()
        except BaseException:
            self._vacate()
            raise

    def _vacate(self) -> None:
        if turn := self._next_turn():
            turn.set_result(None)
        else:
            self._opened -= 1

    def _offer(self, raw: RawConnection) -> None:
        if turn := self._next_turn():
            turn.set_result(raw)
        else:
            self._idle.append((self._loop.time(), raw))

    def _next_turn(self) -> asyncio.Future[RawConnection | None] | None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                return turn
        return None

    def _prune(self) -> None:
        oldest = self._loop.time() - IDLE_SECONDS
        kept = [(since, raw) for since, raw in self._idle if since > oldest]
        for _, raw in self._idle[: len(self._idle) - len(kept)]:
            raw.terminate()
            self._opened -= 1
        self._idle = kept
        self._pruning = self._loop.call_later(IDLE_SECONDS, self._prune)
