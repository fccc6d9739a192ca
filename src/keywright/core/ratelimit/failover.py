"""Valkey while it answers, the database while it does not; back again by itself."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from limits.aio.storage import Storage

from keywright.core.log import get_logger

PAUSE_SECONDS = 1.0
Answer = TypeVar("Answer")
log = get_logger("keywright.ratelimit")


class FailoverStorage(Storage):
    """Asks `preferred`; after a failure it asks `substitute` for a second before it tries again.

    What was counted in one is not known to the other: around an outage an address may have up to
    twice its limit, once.
    """

    STORAGE_SCHEME = None

    def __init__(
        self,
        preferred: Storage,
        substitute: Storage,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._preferred = preferred
        self._substitute = substitute
        self._monotonic = monotonic
        self._try_again_at: float | None = None

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return self._substitute.base_exceptions

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        return await self._ask(lambda storage: storage.incr(key, expiry, amount))

    async def get(self, key: str) -> int:
        return await self._ask(lambda storage: storage.get(key))

    async def get_expiry(self, key: str) -> float:
        return await self._ask(lambda storage: storage.get_expiry(key))

    async def check(self) -> bool:
        return await self._preferred.check() or await self._substitute.check()

    async def clear(self, key: str) -> None:
        await self._ask(lambda storage: storage.clear(key))

    async def reset(self) -> int | None:
        return await self._ask(lambda storage: storage.reset())

    async def _ask(self, question: Callable[[Storage], Awaitable[Answer]]) -> Answer:
        if self._may_ask_preferred():
            try:
                answer = await question(self._preferred)
            except self._preferred.base_exceptions as error:
                self._set_aside(error)
            else:
                self._take_back()
                return answer
        return await question(self._substitute)

    def _may_ask_preferred(self) -> bool:
        """While it is set aside, one request a second finds out whether it is back."""
        if self._try_again_at is None:
            return True
        if self._monotonic() < self._try_again_at:
            return False
        self._try_again_at = self._monotonic() + PAUSE_SECONDS
        return True

    def _set_aside(self, error: Exception) -> None:
        if self._try_again_at is None:
            log.warning("limits_counted_in_database", reason=type(error).__name__)
        self._try_again_at = self._monotonic() + PAUSE_SECONDS

    def _take_back(self) -> None:
        if self._try_again_at is not None:
            log.info("limits_counted_in_cache_again")
            self._try_again_at = None
