from __future__ import annotations

import pytest

from keywright.core.cache import BoundedCache


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


def test_what_was_put_is_found_until_it_expires(stopwatch):
    cache = BoundedCache[str, int](10, ttl_seconds=5, clock=stopwatch)
    cache.put("a", 1)
    stopwatch.seconds = 4.9
    assert cache.get("a") == 1
    stopwatch.seconds = 5
    assert cache.get("a") is None
    assert len(cache) == 0


def test_putting_again_renews_value_and_life(stopwatch):
    cache = BoundedCache[str, int](10, ttl_seconds=5, clock=stopwatch)
    cache.put("a", 1)
    stopwatch.seconds = 4
    cache.put("a", 2)
    stopwatch.seconds = 8
    assert cache.get("a") == 2


def test_the_oldest_entry_makes_room():
    cache = BoundedCache[str, int](2, ttl_seconds=5)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.put("a", 3)
    cache.put("c", 4)
    assert [cache.get(key) for key in "abc"] == [3, None, 4]
    assert len(cache) == 2


def test_it_never_grows_beyond_its_bound():
    cache = BoundedCache[int, int](100, ttl_seconds=5)
    for number in range(10_000):
        cache.put(number, number)
    assert len(cache) == 100
    assert cache.get(9_999) == 9_999


def test_dropped_and_cleared_entries_are_gone():
    cache = BoundedCache[str, int](10, ttl_seconds=5)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.drop("a")
    cache.drop("never there")
    assert cache.get("a") is None
    cache.clear()
    assert cache.get("b") is None


def test_a_cache_without_room_is_refused():
    with pytest.raises(ValueError, match="room for one"):
        BoundedCache[str, int](0, ttl_seconds=5)
