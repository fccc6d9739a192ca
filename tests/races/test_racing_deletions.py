"""Deletions at once: of racing ones one wins, and whatever a purge meets it is all or nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from parts.house import ADA, CALLER, House, Native, claims_of, expect

from keywright.accounts.closings.table import closings
from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.accounts.users import service as users
from keywright.core.principal import UserStatus
from keywright.flows.close_account import confirm_deletion
from keywright.flows.keep_account import cancel_by_link
from keywright.flows.purge_account import purge_due

pytestmark = [pytest.mark.anyio, pytest.mark.settings(rate_limits="off")]
# Opens the database as a server does, begins to purge, says so in the middle of it, and stays.
STOPPED_IN_THE_MIDDLE = """
import asyncio, os, sys, threading
from datetime import datetime
from keywright import Keywright, Settings, UserDeleting
from keywright.core.clock import ManualClock
from keywright.flows.purge_account import purge_due
from keywright.integration.lifecycle import running

async def main(url, folder, now):
    settings = Settings(
        _env_file=None, env="development", data_dir=folder, database_url=url,
        secret_key="the master secret of the house under test",
    )
    kw = Keywright(settings, clock=ManualClock(datetime.fromisoformat(now)))

    @kw.hooks.on(UserDeleting)
    async def stop(event, tx):
        os.write(1, b"in-the-middle")
        threading.Event().wait()

    async with running(kw.parts, background=False):
        await purge_due(kw.context)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def ada(house: House) -> Native:
    native = await house.native()
    await native.join()
    return native


async def ask(native: Native) -> str:
    expect(await native.call("POST", "/auth/request-deletion"), 202)
    return (await native.house.outbox.last(ADA)).token


async def close(native: Native) -> str:
    answer = await native.post("/auth/confirm-deletion", json={"token": await ask(native)})
    expect(answer, 200)
    return (await native.house.outbox.last(ADA)).token


def id_of(native: Native) -> UUID:
    return UUID(claims_of(native.access_token)["sub"])


async def test_of_racing_confirmations_one_wins(houses, ada):
    token = await ask(ada)
    outcomes = await asyncio.gather(
        *(confirm_deletion(house.kw, token, None, CALLER) for house in houses for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, InvalidLink) for one in outcomes) == len(outcomes) - 1
    assert await houses[0].count(closings) == 1


async def test_of_racing_cancellings_one_wins(houses, ada):
    token = await close(ada)
    outcomes = await asyncio.gather(
        *(cancel_by_link(house.kw, token, CALLER) for house in houses for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, InvalidLink) for one in outcomes) == len(outcomes) - 1


@pytest.mark.parametrize("attempt", range(5))
async def test_a_purge_beside_a_cancelling_is_all_or_nothing(houses, ada, attempt):
    token = await close(ada)
    here, there = houses[0], houses[-1]
    link_still_works = here.kw.clock.now()
    here.clock.advance(days=14)
    there.under_test.keywright.context.clock.advance(days=14)

    async def cancel_in_time() -> None:
        await asyncio.sleep(attempt / 1000)
        here.kw.clock._now = link_still_works
        await cancel_by_link(here.kw, token, CALLER)

    purged, cancelled = await asyncio.gather(
        purge_due(there.kw), cancel_in_time(), return_exceptions=True
    )
    record = await users.find(here.kw.db, id_of(ada))
    if purged == 1:
        assert isinstance(cancelled, InvalidLink)
        assert record.status is UserStatus.DELETED
    else:
        assert (purged, cancelled) == (0, None)
        assert (record.status, record.email) == (UserStatus.ACTIVE, ADA)
    assert await here.count(closings) == 0


async def test_a_purge_that_is_killed_in_the_middle_left_nothing_and_is_done_later(
    house: House, ada: Native, tmp_path: Path
) -> None:
    await close(ada)
    house.clock.advance(days=14)
    arguments = (house.url, str(tmp_path), house.clock.now().isoformat())
    purging = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STOPPED_IN_THE_MIDDLE, *arguments), stdout=subprocess.PIPE
    )
    assert purging.stdout is not None
    assert await purging.stdout.readexactly(len("in-the-middle")) == b"in-the-middle"
    purging.kill()
    await purging.communicate()
    record = await users.find(house.kw.db, id_of(ada))
    assert record is not None
    assert (record.email, record.status) == (ADA, UserStatus.CLOSING)
    assert await purge_due(house.kw) == 0  # its lease still runs
    house.clock.advance(seconds=61)
    async with asyncio.timeout(10):  # PostgreSQL notices in its own time that a client is gone
        while not await purge_due(house.kw):  # noqa: ASYNC110 - the server knows
            await asyncio.sleep(0.05)
    assert await house.count(closings) == 0
