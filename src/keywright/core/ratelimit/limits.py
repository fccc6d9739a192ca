from __future__ import annotations

import hmac
import math
from typing import TYPE_CHECKING

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter

from keywright.core.clock import Clock
from keywright.core.db import Database, Handle
from keywright.core.errors import TooManyRequests
from keywright.core.ratelimit import repository
from keywright.core.ratelimit.failover import FailoverStorage
from keywright.core.ratelimit.models import Limit, Standing
from keywright.core.ratelimit.storages import DatabaseStorage, MemoryStorage
from keywright.core.settings import Settings
from keywright.core.valkey import as_redis_url, connect_valkey

if TYPE_CHECKING:
    from redis.asyncio import Redis

KEY_PREFIX = "keywright:limits"
DIGEST_BYTES = 16


class Limits:
    """Counts tries. `key` is a derived key: what is counted by is stored as its MAC alone."""

    def __init__(self, settings: Settings, db: Database, clock: Clock, *, key: bytes) -> None:
        self._db = db
        self._clock = clock
        self._key = key
        self._by_address = settings.rate_limits == "on"
        self._valkey = connect_valkey(settings.cache_url) if settings.cache_url else None
        self._strategy = FixedWindowRateLimiter(
            choose_storage(settings, db, clock, valkey=self._valkey)
        )

    async def hit(self, limit: Limit, network: str | None) -> None:
        """Count one try from a network address. Raises `TooManyRequests`.

        `KEYWRIGHT_RATE_LIMITS=off` switches this off; None is an address that cannot be known
        (`core.web.caller`), which is not limited.
        """
        if not self._by_address or network is None:
            return
        if not await self._strategy.hit(as_item(limit), self.digest(network)):
            raise await self._refusal(limit, network)

    async def peek(self, limit: Limit, network: str) -> Standing:
        """Where an address stands, without counting."""
        stats = await self._strategy.get_window_stats(as_item(limit), self.digest(network))
        return Standing(stats.remaining, self._seconds_until(stats.reset_time, limit))

    async def allows(self, handle: Handle, limit: Limit, subject: str) -> bool:
        """Count one try for an account, a challenge or an e-mail address: within the limit?

        Always in the database, whatever the settings say. `handle` decides whether the count
        survives a refusal: `db` commits it at once.
        """
        key = as_item(limit).key_for(self.digest(subject))
        now = self._clock.now()
        window = await repository.count(handle, key, 1, limit.per_seconds, now)
        return window.hits <= limit.amount

    async def mail_allowed(
        self, handle: Handle, folded_address: str, budget: tuple[Limit, Limit]
    ) -> bool:
        """Whether one more mail may go to this e-mail address. Ask once for each mail.

        On False the mail is dropped without a word: the answer to the request stays the same.
        """
        burst, day = budget
        return await self.allows(handle, burst, folded_address) and await self.allows(
            handle, day, folded_address
        )

    def digest(self, subject: str) -> str:
        """A keyed digest: neither Valkey nor the database shows who was counted."""
        return hmac.digest(self._key, subject.encode(), "sha256")[:DIGEST_BYTES].hex()

    async def sweep(self) -> int:
        """Delete the windows that have ended."""
        return await repository.sweep(self._db, self._clock.now())

    async def close(self) -> None:
        if self._valkey is not None:
            await self._valkey.aclose()

    async def _refusal(self, limit: Limit, network: str) -> TooManyRequests:
        key = as_item(limit).key_for(self.digest(network))
        wait = self._seconds_until(await self._strategy.storage.get_expiry(key), limit)
        return TooManyRequests(wait, headers=rate_limit_headers(limit, Standing(0, wait)))

    def _seconds_until(self, moment: float, limit: Limit) -> int:
        seconds = math.ceil(moment - self._clock.now().timestamp())
        return min(max(seconds, 1), limit.per_seconds)


def choose_storage(
    settings: Settings, db: Database, clock: Clock, *, valkey: Redis | None
) -> Storage:
    """Valkey, else the database; memory where SQLite means that there is one process."""
    own = MemoryStorage(clock) if settings.uses_sqlite else DatabaseStorage(db, clock)
    if valkey is None or settings.cache_url is None:
        return own
    shared = RedisStorage(
        f"async+{as_redis_url(settings.cache_url)}",
        implementation="redispy",
        key_prefix=KEY_PREFIX,
        connection_pool=valkey.connection_pool,  # type: ignore[arg-type]  # limits' hint is narrow
    )
    return FailoverStorage(shared, own)


def as_item(limit: Limit) -> RateLimitItem:
    return RateLimitItemPerSecond(limit.amount, limit.per_seconds, namespace=limit.name)


def rate_limit_headers(limit: Limit, standing: Standing) -> dict[str, str]:
    """The fields of draft-ietf-httpapi-ratelimit-headers-10 §3 and §4."""
    return {
        "RateLimit-Policy": f'"{limit.name}";q={limit.amount};w={limit.per_seconds}',
        "RateLimit": f'"{limit.name}";r={standing.remaining};t={standing.reset_seconds}',
    }
