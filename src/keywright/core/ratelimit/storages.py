"""Where `limits` counts when there is no Valkey: the database, or memory for one process.

Both are storages for fixed windows: a window begins with its first hit and nothing extends it.
"""

from __future__ import annotations

import heapq
from datetime import timedelta

from limits.aio.storage import Storage

from keywright.core.clock import Clock
from keywright.core.db import Database
from keywright.core.errors import DatabaseUnavailable
from keywright.core.ratelimit import repository
from keywright.core.ratelimit.models import Window

MAX_KEYS = 100_000


class DatabaseStorage(Storage):
    """One upsert a hit; shared by every process on the database."""

    STORAGE_SCHEME = None

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__()
        self._db = db
        self._clock = clock

    @property
    def base_exceptions(self) -> type[Exception]:
        return DatabaseUnavailable

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        return (await repository.count(self._db, key, amount, expiry, self._clock.now())).hits

    async def get(self, key: str) -> int:
        window = await repository.find(self._db, key, self._clock.now())
        return window.hits if window else 0

    async def get_expiry(self, key: str) -> float:
        now = self._clock.now()
        window = await repository.find(self._db, key, now)
        return (window.ends_at if window else now).timestamp()

    async def check(self) -> bool:
        try:
            await self._db.ping()
        except DatabaseUnavailable:
            return False
        return True

    async def clear(self, key: str) -> None:
        await repository.forget(self._db, key)

    async def reset(self) -> int:
        return await repository.forget_all(self._db)


class MemoryStorage(Storage):
    """For one process. `limits`' own walks all keys at each hit; this one is O(log n), bounded.

    When it is full, the window that would end first makes room.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Clock, max_keys: int = MAX_KEYS) -> None:
        super().__init__()
        self._clock = clock
        self._max_keys = max_keys
        self._windows: dict[str, Window] = {}
        self._ends: list[tuple[float, str]] = []

    @property
    def base_exceptions(self) -> type[Exception]:
        return MemoryError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        self._forget_ended()
        window = self._windows.get(key)
        if window is None:
            self._make_room()
            window = Window(0, self._clock.now() + timedelta(seconds=expiry))
            heapq.heappush(self._ends, (window.ends_at.timestamp(), key))
        self._windows[key] = Window(window.hits + amount, window.ends_at)
        return window.hits + amount

    async def get(self, key: str) -> int:
        self._forget_ended()
        window = self._windows.get(key)
        return window.hits if window else 0

    async def get_expiry(self, key: str) -> float:
        self._forget_ended()
        window = self._windows.get(key)
        return (window.ends_at if window else self._clock.now()).timestamp()

    async def check(self) -> bool:
        return True

    async def clear(self, key: str) -> None:
        if self._windows.pop(key, None):
            self._ends = [end for end in self._ends if end[1] != key]
            heapq.heapify(self._ends)

    async def reset(self) -> int:
        forgotten = len(self._windows)
        self._windows.clear()
        self._ends.clear()
        return forgotten

    def _forget_ended(self) -> None:
        now = self._clock.now().timestamp()
        while self._ends and self._ends[0][0] <= now:
            del self._windows[heapq.heappop(self._ends)[1]]

    def _make_room(self) -> None:
        if len(self._windows) >= self._max_keys:
            del self._windows[heapq.heappop(self._ends)[1]]
