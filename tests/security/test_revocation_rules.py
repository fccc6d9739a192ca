"""Rules of security.md, "Tokens, sessions, grants": revocation reaches every process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from parts.outages import eventually
from parts.tables import create_tables, opened, sqlite_url

from keywright.core.clock import ManualClock, SystemClock
from keywright.core.errors import Unavailable
from keywright.core.notices import Notices, Subject
from keywright.core.notices.table import revocations
from keywright.core.settings import Settings

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)
SUBJECT = UUID(int=1)


@pytest.fixture
async def db(tmp_path):
    url = sqlite_url(tmp_path)
    await create_tables(url, [revocations])
    async with opened(url) as database:
        yield database


def make_notices(db, clock, **options) -> Notices:
    return Notices(Settings(_env_file=None), db, clock, **options)


async def revoke(db, by: Notices, kind: Subject, now: datetime) -> None:
    async with db.transaction() as tx:
        await by.revoke(tx, kind, SUBJECT, now)


@pytest.mark.parametrize("kind", [each for each in Subject if each is not Subject.USER_CHANGED])
async def test_what_is_revoked_stops_at_once_where_it_was_revoked(db, kind):
    here = make_notices(db, ManualClock(NOW))
    await revoke(db, here, kind, NOW)
    assert here.is_revoked(kind, SUBJECT, NOW)
    assert here.is_revoked(kind, SUBJECT, NOW.replace(microsecond=0))


async def test_what_is_revoked_stops_within_5_s_in_every_process(postgres_url):
    await create_tables(postgres_url, [revocations])
    async with opened(postgres_url) as one, opened(postgres_url) as two:
        here, there = make_notices(one, SystemClock()), make_notices(two, SystemClock())
        await there.start()
        now = datetime.now(UTC)
        await revoke(one, here, Subject.SESSION, now)
        await eventually(lambda: there.is_revoked(Subject.SESSION, SUBJECT, now), within=5)
        await there.stop()


async def test_a_revocation_committed_late_is_not_missed(db):
    clock = ManualClock(NOW)
    there = make_notices(db, clock)
    await there.read()
    await revoke(db, make_notices(db, clock), Subject.SESSION, NOW - timedelta(seconds=10))
    await there.read()
    assert there.is_revoked(Subject.SESSION, SUBJECT, NOW)


async def test_a_starting_process_knows_every_revocation_that_a_token_outlives(db):
    clock = ManualClock(NOW)
    await revoke(db, make_notices(db, clock), Subject.SESSION, NOW)
    clock.advance(seconds=899)
    newcomer = make_notices(db, clock)
    await newcomer.read()
    assert newcomer.is_revoked(Subject.SESSION, SUBJECT, NOW)


async def test_no_cache_is_trusted_5_s_after_the_last_read(db):
    seconds = [0.0]
    here = make_notices(db, ManualClock(NOW), monotonic=lambda: seconds[0])
    await here.read()
    here.require_fresh()
    seconds[0] = 5.0
    with pytest.raises(Unavailable):
        here.require_fresh()
