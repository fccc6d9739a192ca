"""Rules of security.md, "Abuse": limits."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
import sqlalchemy as sa
from parts.outages import mortal_valkey
from parts.tables import create_tables, opened, sqlite_url

from keywright.core.clock import ManualClock
from keywright.core.db import Statement
from keywright.core.errors import TooManyRequests
from keywright.core.ratelimit import Limits, defaults
from keywright.core.ratelimit.defaults import SIGN_UP_MAIL
from keywright.core.ratelimit.models import Limit
from keywright.core.ratelimit.table import rate_limits
from keywright.core.settings import Settings

pytestmark = pytest.mark.anyio
HOME = "203.0.113.7"
ADA = "ada@example.com"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture
async def db(tmp_path):
    url = sqlite_url(tmp_path)
    await create_tables(url, [rate_limits])
    async with opened(url) as database:
        yield database


def make_limits(db, clock, **settings) -> Limits:
    return Limits(Settings(_env_file=None, **settings), db, clock, key=b"k" * 32)


async def hits_until_refused(limits: Limits, limit: Limit = defaults.LOGIN) -> int:
    for count in range(20):
        try:
            await limits.hit(limit, HOME)
        except TooManyRequests:
            return count
    return 20


@pytest.mark.parametrize(
    ("limit", "each_minute"),
    [
        (defaults.LOGIN, 5),
        (defaults.REGISTER, 3),
        (defaults.RESEND_VERIFICATION, 3),
        (defaults.FORGOT_PASSWORD, 3),
        (defaults.OAUTH_LOGIN, 10),
        (defaults.REQUEST_DELETION, 3),
        (defaults.CONFIRM_DELETION, 3),
        (defaults.CANCEL_DELETION, 3),
    ],
    ids=lambda value: getattr(value, "name", value),
)
async def test_tries_from_one_address_are_limited_by_default(db, clock, limit, each_minute):
    limits = make_limits(db, clock)
    assert await hits_until_refused(limits, limit) == each_minute
    clock.advance(seconds=59)
    assert await hits_until_refused(limits, limit) == 0
    clock.advance(seconds=1)
    assert await hits_until_refused(limits, limit) == each_minute


async def test_limits_by_address_can_be_switched_off_and_no_others(db, clock):
    limits = make_limits(db, clock, rate_limits="off")
    assert await hits_until_refused(limits) == 20
    assert [await limits.mail_allowed(db, ADA, SIGN_UP_MAIL) for _ in range(4)] == [
        True,
        True,
        True,
        False,
    ]


async def test_processes_without_valkey_share_limits_in_the_database(postgres_url, clock):
    await create_tables(postgres_url, [rate_limits])
    async with opened(postgres_url) as one, opened(postgres_url) as two:
        here, there = (make_limits(db, clock, database_url=postgres_url) for db in (one, two))
        assert await hits_until_refused(here) == 5
        assert await hits_until_refused(there) == 0


async def test_limits_hold_while_valkey_is_down(postgres_url, tmp_path, clock):
    await create_tables(postgres_url, [rate_limits])
    with mortal_valkey(tmp_path) as valkey:
        async with opened(postgres_url) as db:
            limits = make_limits(db, clock, database_url=postgres_url, cache_url=valkey.url)
            assert await hits_until_refused(limits) == 5
            valkey.kill()
            assert await hits_until_refused(limits) == 5
            await limits.close()


async def test_what_is_counted_by_is_stored_as_a_keyed_digest(db, clock):
    """Of an address even a plain SHA-256 would be guessed in minutes."""
    limits = make_limits(db, clock)
    await limits.mail_allowed(db, ADA, SIGN_UP_MAIL)
    stored = (await db.one(ANY_KEY)).key
    other_key = Limits(Settings(_env_file=None), db, clock, key=b"j" * 32)
    assert limits.digest(ADA) in stored
    assert limits.digest(ADA) != other_key.digest(ADA)
    assert ADA not in stored


async def test_mail_to_one_address_is_limited_and_others_are_not(db, clock):
    limits = make_limits(db, clock)
    assert [await limits.mail_allowed(db, ADA, SIGN_UP_MAIL) for _ in range(5)] == [True] * 3 + [
        False
    ] * 2
    assert await limits.mail_allowed(db, "eve@example.com", SIGN_UP_MAIL)
    clock.advance(minutes=15)
    assert [await limits.mail_allowed(db, ADA, SIGN_UP_MAIL) for _ in range(4)] == [True] * 3 + [
        False
    ]


async def test_mail_to_one_address_is_limited_for_each_day(db, clock):
    limits = make_limits(db, clock)
    sent = 0
    for _ in range(95):
        sent += await limits.mail_allowed(db, ADA, SIGN_UP_MAIL)
        clock.advance(minutes=15)
    assert sent == 10
    clock.advance(minutes=15)
    assert await limits.mail_allowed(db, ADA, SIGN_UP_MAIL)


Key = msgspec.defstruct("Key", [("key", str)], frozen=True)
ANY_KEY = Statement(sa.select(rate_limits.c.key).limit(1), row=Key)
