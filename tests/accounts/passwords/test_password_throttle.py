from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from parts.tables import create_tables, opened, sqlite_url

from keywright.accounts.passwords import repository, throttle
from keywright.accounts.passwords.table import password_attempts
from keywright.core.errors import TooManyRequests

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ADA = "ada@example.com"


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request, tmp_path):
    postgres = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if postgres else sqlite_url(tmp_path)
    await create_tables(url, [password_attempts])
    async with opened(url) as database:
        yield database


async def try_at(db, now, *, account=ADA, device=None) -> int | None:
    """None when the attempt is allowed; else how many seconds to wait."""
    try:
        await throttle.check_account(db, account=account, device=device, now=now)
    except TooManyRequests as refused:
        return refused.retry_after
    return None


async def use_up(db, now=NOW, **who) -> None:
    for _ in range(throttle.LIMIT.amount):
        assert await try_at(db, now, **who) is None


async def test_the_refusal_says_how_long_to_wait(db):
    await use_up(db)
    with pytest.raises(TooManyRequests) as caught:
        await throttle.check_account(
            db, account=ADA, device=None, now=NOW + timedelta(seconds=20, milliseconds=500)
        )
    assert caught.value.headers == {
        "Retry-After": "40",
        "RateLimit-Policy": '"password";q=10;w=900',
        "RateLimit": '"password";r=0;t=40',
    }


async def test_refused_attempts_do_not_prolong_the_pause(db):
    await use_up(db)
    for second in range(0, 60, 10):
        assert await try_at(db, NOW + timedelta(seconds=second)) == 60 - second
    assert await try_at(db, NOW + timedelta(seconds=60)) is None


async def test_failures_are_forgotten_a_quarter_of_an_hour_after_the_last(db):
    await use_up(db)
    await use_up(db, NOW + timedelta(minutes=15))


async def test_ten_failures_count_together_wherever_they_lie_in_the_quarter_hour(db):
    for minute in range(10):
        assert await try_at(db, NOW + timedelta(minutes=minute)) is None
    assert await try_at(db, NOW + timedelta(minutes=9, seconds=30)) == 30


async def test_accounts_are_counted_apart(db):
    await use_up(db)
    await use_up(db, account="grace@example.com")


async def test_devices_are_counted_apart_and_for_one_account(db):
    await use_up(db, device="laptop")
    assert await try_at(db, NOW, device="laptop") == 60
    await use_up(db, device="phone")
    await use_up(db, device="laptop", account="grace@example.com")


async def test_a_success_ends_only_the_counter_it_was_counted_by(db):
    await use_up(db)
    await use_up(db, device="laptop")
    await throttle.clear_failures(db, account=ADA, device="laptop")
    assert await try_at(db, NOW, device="laptop") is None
    assert await try_at(db, NOW) == 60


async def test_an_attempt_that_nobody_judged_is_given_back(db):
    await use_up(db)
    await throttle.refund_attempt(db, account=ADA, device=None, now=NOW)
    assert await try_at(db, NOW) is None
    assert await try_at(db, NOW) == 60
    later = NOW + timedelta(minutes=1)
    assert await try_at(db, later) is None
    await throttle.refund_attempt(db, account=ADA, device=None, now=later)
    assert await try_at(db, later) is None
    assert await try_at(db, later) == 60


async def test_nothing_is_given_back_that_was_not_counted(db):
    await throttle.refund_attempt(db, account=ADA, device=None, now=NOW)
    await use_up(db)
    assert await try_at(db, NOW) == 60


async def test_racing_attempts_after_the_pause_get_one_turn(db):
    await use_up(db)
    later = NOW + timedelta(minutes=1)
    answers = await asyncio.gather(*(try_at(db, later) for _ in range(20)))
    assert answers.count(None) == 1


async def sign_in_and_fail(db) -> None:
    async with db.transaction() as tx:
        await throttle.clear_failures(tx, account=ADA, device=None)
        raise ConnectionError


async def test_what_was_counted_survives_a_transaction_that_fails(db):
    for _ in range(10):
        await throttle.check_account(db, account=ADA, device=None, now=NOW)
        with pytest.raises(ConnectionError):
            await sign_in_and_fail(db)
    assert await try_at(db, NOW) == 60


@pytest.mark.parametrize("account", ["", "\ud800", "x" * 10_000, "' OR 1=1 --", "🦑@例え.jp"])
async def test_any_text_has_a_counter(db, account):
    await use_up(db, account=account)
    assert await try_at(db, NOW, account=account) == 60


async def test_the_database_does_not_show_who_was_counted(db):
    await use_up(db)
    key = throttle.counter_key(ADA, None)
    found = await repository.find(db, key)
    assert found is not None
    assert found.failures == 10
    assert ADA.encode() not in key


async def test_counters_that_count_no_more_are_swept(db):
    await use_up(db)
    await try_at(db, NOW + timedelta(minutes=5), account="grace@example.com")
    assert await throttle.sweep(db, now=NOW + timedelta(minutes=14)) == 0
    assert await throttle.sweep(db, now=NOW + timedelta(minutes=15)) == 1
    assert await throttle.sweep(db, now=NOW + timedelta(minutes=20)) == 1
