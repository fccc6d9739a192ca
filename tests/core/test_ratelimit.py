from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime

import pytest
from parts.outages import eventually, mortal_valkey
from parts.tables import create_tables, opened, sqlite_url

from keywright.core.clock import ManualClock
from keywright.core.errors import ConfigurationError, Forbidden, TooManyRequests
from keywright.core.ratelimit import Limit, Limits, Standing
from keywright.core.ratelimit.storages import DatabaseStorage, MemoryStorage
from keywright.core.ratelimit.table import rate_limits
from keywright.core.settings import Settings
from keywright.core.valkey import as_redis_url, connect_valkey

pytestmark = pytest.mark.anyio
ONCE = Limit("once", 1, 60)
LOGIN = Limit("login", 5, 60)
KEY = b"k" * 32
HOME = "203.0.113.7"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return request.getfixturevalue("postgres_url")


@pytest.fixture
async def db(database_url):
    await create_tables(database_url, [rate_limits])
    async with opened(database_url) as database:
        yield database


def make_limits(db, clock, *, cache_url=None, rate_limits="on") -> Limits:
    url = "sqlite://" if db.dialect == "sqlite" else "postgresql://somewhere/else"
    settings = Settings(
        _env_file=None, database_url=url, cache_url=cache_url, rate_limits=rate_limits
    )
    return Limits(settings, db, clock, key=KEY)


async def hits_until_refused(limits: Limits, network: str = HOME, most: int = 20) -> int:
    for count in range(most):
        try:
            await limits.hit(LOGIN, network)
        except TooManyRequests:
            return count
    return most


async def test_a_limit_lets_through_its_amount_and_begins_again_with_its_window(db, clock):
    limits = make_limits(db, clock)
    assert await hits_until_refused(limits) == 5
    clock.advance(seconds=59)
    assert await hits_until_refused(limits) == 0
    clock.advance(seconds=1)
    assert await hits_until_refused(limits) == 5


async def test_a_refusal_says_when_to_come_back(db, clock):
    limits = make_limits(db, clock)
    await hits_until_refused(limits)
    clock.advance(seconds=18)
    with pytest.raises(TooManyRequests) as refused:
        await limits.hit(LOGIN, HOME)
    assert refused.value.retry_after == 42
    assert refused.value.headers == {
        "Retry-After": "42",
        "RateLimit-Policy": '"login";q=5;w=60',
        "RateLimit": '"login";r=0;t=42',
    }


async def test_addresses_and_limits_are_counted_apart(db, clock):
    limits = make_limits(db, clock)
    await hits_until_refused(limits)
    await limits.hit(LOGIN, "203.0.113.8")
    await limits.hit(Limit("register", 3, 60), HOME)


async def test_looking_does_not_count(db, clock):
    limits = make_limits(db, clock)
    assert await limits.peek(LOGIN, HOME) == Standing(5, 1)
    await limits.hit(LOGIN, HOME)
    clock.advance(seconds=10)
    assert await limits.peek(LOGIN, HOME) == Standing(4, 50)
    assert await limits.peek(LOGIN, HOME) == Standing(4, 50)


async def test_racing_hits_are_all_counted(db, clock):
    limits = make_limits(db, clock)
    tries = await asyncio.gather(
        *(limits.hit(LOGIN, HOME) for _ in range(25)), return_exceptions=True
    )
    assert sum(each is None for each in tries) == 5


async def test_an_unknown_address_is_not_limited(db, clock):
    limits = make_limits(db, clock)
    for _ in range(10):
        await limits.hit(LOGIN, None)


@pytest.mark.parametrize("storage_type", [DatabaseStorage, MemoryStorage])
async def test_storages_count_show_and_forget(db, clock, storage_type):
    storage = MemoryStorage(clock) if storage_type is MemoryStorage else DatabaseStorage(db, clock)
    now = clock.now().timestamp()
    assert await storage.check()
    assert (await storage.get("a"), await storage.get_expiry("a")) == (0, now)
    assert [await storage.incr("a", 60), await storage.incr("a", 60, amount=2)] == [1, 3]
    await storage.incr("b", 10)
    assert (await storage.get("a"), await storage.get_expiry("a")) == (3, now + 60)
    await storage.clear("b")
    await storage.clear("b")
    assert await storage.get("b") == 0
    clock.advance(seconds=60)
    assert await storage.get("a") == 0
    assert await storage.incr("a", 60) == 1
    assert await storage.reset() == 1
    assert await storage.get("a") == 0


async def test_a_closed_database_is_not_healthy(tmp_path, clock):
    async with opened(sqlite_url(tmp_path)) as database:
        storage = DatabaseStorage(database, clock)
    assert not await storage.check()


async def test_memory_is_bounded(clock):
    storage = MemoryStorage(clock, max_keys=100)
    for number in range(1_000):
        await storage.incr(f"key {number}", 60 + number)
    assert await storage.get("key 999") == 1
    assert await storage.get("key 0") == 0
    assert await storage.reset() == 100


async def test_ended_windows_are_swept(db, clock):
    limits = make_limits(db, clock)
    await limits.allows(db, LOGIN, "account 1")
    clock.advance(seconds=30)
    await limits.allows(db, LOGIN, "account 2")
    assert await limits.sweep() == 0
    clock.advance(seconds=30)
    assert await limits.sweep() == 1


async def test_a_count_in_a_transaction_goes_with_it(db, clock):
    limits = make_limits(db, clock)
    with pytest.raises(Forbidden):
        await count_and_roll_back(db, limits)
    assert await limits.allows(db, ONCE, "account")
    assert not await limits.allows(db, ONCE, "account")


async def count_and_roll_back(db, limits: Limits) -> None:
    async with db.transaction() as tx:
        assert await limits.allows(tx, ONCE, "account")
        raise Forbidden


async def test_processes_share_limits_through_valkey(tmp_path, clock, valkey_url):
    async with opened(sqlite_url(tmp_path)) as db:
        one, other = (make_limits(db, clock, cache_url=valkey_url) for _ in range(2))
        assert await hits_until_refused(one) == 5
        with pytest.raises(TooManyRequests) as refused:
            await other.hit(LOGIN, HOME)
        assert 1 <= refused.value.retry_after <= 60
        await one.close()
        await other.close()


async def test_valkey_is_asked_again_once_it_is_back(tmp_path, postgres_url, clock):
    """Killed, the database counts at once; started again, Valkey counts, without a restart."""
    await create_tables(postgres_url, [rate_limits])
    with mortal_valkey(tmp_path) as valkey:
        async with opened(postgres_url) as db:
            limits = make_limits(db, clock, cache_url=valkey.url)
            await limits.hit(LOGIN, HOME)
            assert await limits.sweep() == 0

            valkey.kill()
            assert await hits_until_refused(limits) == 5
            assert await hits_until_refused(make_limits(db, clock)) == 0

            valkey.start()

            async def counts_in_valkey() -> bool:
                return await hits_until_refused(limits) > 0

            await eventually(counts_in_valkey)
            clock.advance(minutes=5)
            assert await limits.sweep() == 1  # the one window of the outage
            await limits.close()


async def test_valkey_that_hangs_delays_one_request_a_second(postgres_url, clock):
    """A server that accepts and never answers is as good as gone."""
    await create_tables(postgres_url, [rate_limits])
    async with opened(postgres_url) as db:
        silent = socket.create_server(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        limits = make_limits(db, clock, cache_url=f"redis://127.0.0.1:{port}/0")
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await hits_until_refused(limits) == 5
        assert loop.time() - began < 3
        await limits.close()
        silent.close()


def test_every_spelling_of_a_cache_address_is_understood():
    assert as_redis_url("valkey://h:1/2") == "redis://h:1/2"
    assert as_redis_url("valkeys://h:1/2") == "rediss://h:1/2"
    assert as_redis_url("redis://h") == "redis://h"
    assert as_redis_url("unix:///run/valkey.sock") == "unix:///run/valkey.sock"


def test_a_cache_address_that_cannot_be_used_is_refused_with_a_sentence():
    with pytest.raises(ConfigurationError, match="KEYWRIGHT_CACHE_URL cannot be read"):
        connect_valkey("memcached://somewhere")


def test_a_missing_client_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "redis.asyncio", None)
    with pytest.raises(ConfigurationError, match=r"keywright\[redis\]"):
        connect_valkey("redis://somewhere")
