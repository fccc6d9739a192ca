from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import pytest
from parts.outages import cable_to, eventually, mortal_valkey
from parts.tables import create_tables, opened, sqlite_url

from keywright.core.clock import ManualClock, SystemClock
from keywright.core.errors import Forbidden, Unavailable
from keywright.core.notices import Notice, Notices, Subject, notices, wakeups
from keywright.core.notices.table import revocations
from keywright.core.settings import Settings

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)
USER, SESSION = UUID(int=1), UUID(int=2)
TOKEN_TTL = 900


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return request.getfixturevalue("postgres_url")


@pytest.fixture
async def db(database_url):
    await create_tables(database_url, [revocations])
    async with opened(database_url) as database:
        yield database


def make_notices(db, clock, cache_url=None, **options) -> Notices:
    settings = Settings(_env_file=None, access_token_ttl=TOKEN_TTL, cache_url=cache_url)
    return Notices(settings, db, clock, **options)


async def revoke(db, by: Notices, kind: Subject, subject: UUID, now: datetime) -> None:
    async with db.transaction() as tx:
        await by.revoke(tx, kind, subject, now)


async def test_who_revoked_knows_it_at_once(db, clock):
    here = make_notices(db, clock)
    await revoke(db, here, Subject.SESSION, SESSION, NOW)
    assert here.is_revoked(Subject.SESSION, SESSION, NOW)
    assert not here.is_revoked(Subject.GRANT, SESSION, NOW)
    assert not here.is_revoked(Subject.SESSION, USER, NOW)


async def test_a_rolled_back_revocation_never_was(db, clock):
    here, there = make_notices(db, clock), make_notices(db, clock)
    with pytest.raises(Forbidden):
        await revoke_and_roll_back(db, here)
    await there.read()
    assert not here.is_revoked(Subject.SESSION, SESSION, NOW)
    assert not there.is_revoked(Subject.SESSION, SESSION, NOW)


async def revoke_and_roll_back(db, by: Notices) -> None:
    async with db.transaction() as tx:
        await by.revoke(tx, Subject.SESSION, SESSION, NOW)
        raise Forbidden


async def test_the_next_read_tells_another_process(db, clock):
    here, there = make_notices(db, clock), make_notices(db, clock)
    told: list[Notice] = []
    there.subscribe(told.append)
    await there.read()
    await revoke(db, here, Subject.SESSION, SESSION, NOW)
    assert not there.is_revoked(Subject.SESSION, SESSION, NOW)
    await there.read()
    assert there.is_revoked(Subject.SESSION, SESSION, NOW)
    assert told == [Notice("session", SESSION, NOW)]


async def test_a_changed_user_is_told_and_not_revoked(db, clock):
    here, there = make_notices(db, clock), make_notices(db, clock)
    told: list[tuple[str, Notice]] = []
    here.subscribe(lambda notice: told.append(("here", notice)))
    there.subscribe(lambda notice: told.append(("there", notice)))
    async with db.transaction() as tx:
        await here.changed(tx, USER, NOW)
        assert told == []
    await there.read()
    notice = Notice("user_changed", USER, NOW)
    assert told == [("here", notice), ("there", notice)]
    assert not there.is_revoked(Subject.USER, USER, NOW)


@pytest.mark.parametrize(
    ("issued_at", "revoked"),
    [
        (NOW - timedelta(hours=1), True),
        (NOW, True),
        (NOW.replace(microsecond=0), True),  # a whole-second `iat`, from before or after: who knows
        (NOW + timedelta(microseconds=1), False),
        (NOW + timedelta(seconds=1), False),
    ],
)
async def test_a_user_who_came_back_signs_in_anew(db, clock, issued_at, revoked):
    here = make_notices(db, clock)
    await revoke(db, here, Subject.USER, USER, NOW)
    assert here.is_revoked(Subject.USER, USER, issued_at) is revoked


@pytest.mark.parametrize("kind", [Subject.SESSION, Subject.GRANT, Subject.API_KEY])
async def test_a_revoked_session_grant_or_key_never_comes_back(db, clock, kind):
    here = make_notices(db, clock)
    await revoke(db, here, kind, SESSION, NOW)
    assert here.is_revoked(kind, SESSION, NOW + timedelta(hours=1))


async def test_a_writer_whose_clock_is_behind_moves_nothing_back(db, clock):
    here, there = make_notices(db, clock), make_notices(db, clock)
    await revoke(db, here, Subject.USER, USER, NOW)
    await revoke(db, here, Subject.USER, USER, NOW - timedelta(seconds=3))
    await there.read()
    for each in (here, there):
        assert each.is_revoked(Subject.USER, USER, NOW)


async def test_a_late_commit_with_an_early_stamp_is_found(db, clock):
    """Stamped 20 s before it could be read: a slow transaction, a clock that is behind."""
    here, there = make_notices(db, clock), make_notices(db, clock)
    await there.read()
    clock.advance(seconds=2)
    await there.read()
    await revoke(db, here, Subject.SESSION, SESSION, NOW - timedelta(seconds=18))
    await there.read()
    assert there.is_revoked(Subject.SESSION, SESSION, NOW)


async def test_an_outage_is_caught_up_with(db, clock):
    here, there = make_notices(db, clock), make_notices(db, clock)
    await there.read()
    await revoke(db, here, Subject.SESSION, SESSION, NOW)
    clock.advance(minutes=10)
    await there.read()
    assert there.is_revoked(Subject.SESSION, SESSION, NOW)


async def test_a_clock_that_was_ahead_misses_nothing(db):
    clock = ManualClock(NOW + timedelta(minutes=2))
    there = make_notices(db, clock)
    await there.read()
    clock.advance(minutes=-2)
    await revoke(db, make_notices(db, clock), Subject.SESSION, SESSION, NOW)
    await there.read()
    assert there.is_revoked(Subject.SESSION, SESSION, NOW)


async def test_a_new_process_loads_what_a_living_token_may_still_name(db, clock):
    here = make_notices(db, clock)
    await revoke(db, here, Subject.SESSION, SESSION, NOW)
    clock.advance(seconds=TOKEN_TTL - 1)
    newcomer = make_notices(db, clock)
    await newcomer.start()
    assert newcomer.is_revoked(Subject.SESSION, SESSION, NOW)
    await newcomer.stop()


async def test_what_no_token_can_name_any_more_is_forgotten_and_swept(db, clock):
    here = make_notices(db, clock)
    await revoke(db, here, Subject.SESSION, SESSION, NOW)
    clock.advance(seconds=TOKEN_TTL + 29)
    await here.read()
    assert here.is_revoked(Subject.SESSION, SESSION, NOW)
    assert await here.sweep() == 0
    clock.advance(seconds=2)
    await here.read()
    assert not here.is_revoked(Subject.SESSION, SESSION, NOW)
    clock.advance(seconds=TOKEN_TTL + 30)
    assert await here.sweep() == 1


async def test_a_word_of_a_newer_version_is_passed_on(db, clock):
    """In a rolling update an older process reads what a newer one wrote."""
    newer = StrEnum("Newer", {"LICENSE": "license"})
    there = make_notices(db, clock)
    told: list[Notice] = []
    there.subscribe(told.append)
    await revoke(db, make_notices(db, clock), newer.LICENSE, SESSION, NOW)
    await there.read()
    assert told == [Notice("license", SESSION, NOW)]


async def test_a_failing_listener_stops_nobody(db, clock):
    here = make_notices(db, clock)
    told: list[Notice] = []

    def fail(notice: Notice) -> None:
        raise RuntimeError("a broken cache")

    here.subscribe(fail)
    here.subscribe(told.append)
    await revoke(db, here, Subject.SESSION, SESSION, NOW)
    assert len(told) == 1
    assert here.is_revoked(Subject.SESSION, SESSION, NOW)


async def test_nothing_is_trusted_before_the_first_read_nor_5_s_after_the_last(
    db, clock, stopwatch
):
    here = make_notices(db, clock, monotonic=stopwatch)
    with pytest.raises(Unavailable):
        here.require_fresh()
    await here.read()
    stopwatch.seconds += 4.9
    here.require_fresh()
    stopwatch.seconds += 0.1
    with pytest.raises(Unavailable):
        here.require_fresh()
    await here.read()
    here.require_fresh()


async def test_two_processes_agree_within_five_seconds(postgres_url):
    """Each with a pool of its own, on the real clock, with nothing but the database between."""
    await create_tables(postgres_url, [revocations])
    async with opened(postgres_url) as one, opened(postgres_url) as two:
        here, there = make_notices(one, SystemClock()), make_notices(two, SystemClock())
        await here.start()
        await there.start()
        now = datetime.now(UTC)
        await revoke(one, here, Subject.SESSION, SESSION, now)
        assert here.is_revoked(Subject.SESSION, SESSION, now)
        await eventually(lambda: there.is_revoked(Subject.SESSION, SESSION, now), within=5)
        await here.stop()
        await there.stop()


async def test_valkey_makes_the_other_process_read_at_once(postgres_url, valkey_url, monkeypatch):
    monkeypatch.setattr(notices, "REREAD_SECONDS", 60.0)
    monkeypatch.setattr(notices, "TRUST_SECONDS", 90.0)
    await create_tables(postgres_url, [revocations])
    async with opened(postgres_url) as one, opened(postgres_url) as two:
        here = make_notices(one, SystemClock(), valkey_url)
        there = make_notices(two, SystemClock(), valkey_url)
        await here.start()
        await there.start()
        heard = wakeups_heard(there)
        await eventually(lambda: heard() > 0)  # it listens
        now = datetime.now(UTC)
        await revoke(one, here, Subject.SESSION, SESSION, now)
        await eventually(lambda: there.is_revoked(Subject.SESSION, SESSION, now), within=2)
        await here.stop()
        await there.stop()


def wakeups_heard(there: Notices):
    """How many reads of `there` something caused: the first comes once it listens."""
    reads = []
    read = there.read

    async def counted() -> None:
        await read()
        reads.append(None)

    there.read = counted
    return lambda: len(reads)


async def test_revoking_needs_no_valkey_and_hears_it_again_later(
    postgres_url, tmp_path, monkeypatch
):
    monkeypatch.setattr(notices, "REREAD_SECONDS", 60.0)
    monkeypatch.setattr(notices, "TRUST_SECONDS", 90.0)
    monkeypatch.setattr(wakeups, "RECONNECT_SECONDS", 0.1)
    await create_tables(postgres_url, [revocations])
    with mortal_valkey(tmp_path) as valkey:
        async with opened(postgres_url) as db:
            here = make_notices(db, SystemClock(), valkey.url)
            await here.start()
            heard = wakeups_heard(here)
            await eventually(lambda: heard() > 0)
            valkey.kill()
            now = datetime.now(UTC)
            await revoke(db, here, Subject.SESSION, SESSION, now)
            assert here.is_revoked(Subject.SESSION, SESSION, now)
            before = heard()
            valkey.start()
            await eventually(lambda: heard() > before)
            await here.stop()


async def test_without_the_database_nothing_is_trusted_until_it_is_back(postgres_url, monkeypatch):
    monkeypatch.setattr(notices, "REREAD_SECONDS", 0.1)
    monkeypatch.setattr(notices, "WAKE_SPACING_SECONDS", 0.02)
    monkeypatch.setattr(notices, "READ_SECONDS", 0.3)
    monkeypatch.setattr(notices, "TRUST_SECONDS", 0.5)
    await create_tables(postgres_url, [revocations])
    async with cable_to(postgres_url) as (cable, url), opened(url) as db:
        here = make_notices(db, SystemClock())
        await here.start()
        here.require_fresh()
        await cable.pull_out()
        await eventually(lambda: not here.is_fresh)
        with pytest.raises(Unavailable):
            here.require_fresh()
        async with opened(postgres_url) as elsewhere:
            now = datetime.now(UTC)
            await revoke(
                elsewhere, make_notices(elsewhere, SystemClock()), Subject.SESSION, SESSION, now
            )
        await cable.plug_in()
        await eventually(lambda: here.is_fresh)
        here.require_fresh()
        assert here.is_revoked(Subject.SESSION, SESSION, now)
        await here.stop()


async def test_a_process_that_starts_without_its_database_waits_for_it(postgres_url, monkeypatch):
    monkeypatch.setattr(notices, "REREAD_SECONDS", 0.1)
    monkeypatch.setattr(notices, "WAKE_SPACING_SECONDS", 0.02)
    async with opened(postgres_url) as db:
        here = make_notices(db, SystemClock())
        await here.start()  # there is not even a table
        assert not here.is_fresh
        await create_tables(postgres_url, [revocations])
        await eventually(lambda: here.is_fresh)
        await here.stop()


async def test_stopping_leaves_no_task_behind(db, clock, valkey_url):
    before = asyncio.all_tasks()
    here = make_notices(db, clock, valkey_url)
    await here.start()
    await revoke(db, here, Subject.SESSION, SESSION, NOW)
    await here.stop()
    await here.stop()
    assert {
        task for task in asyncio.all_tasks() - before if "keywright" in task.get_name()
    } == set()
