"""The courier inside a running process: woken, polling, stopped, without a database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from parts.outbox import Door, Opener, put, until

from keywright.core.clock import ManualClock
from keywright.core.crypto import MasterSecrets
from keywright.core.db import Database
from keywright.outbox import delivery, service
from keywright.outbox.delivery import Courier
from keywright.outbox.models import Message
from keywright.outbox.writer import OutboxWriter

pytestmark = pytest.mark.anyio


async def test_a_commit_wakes_the_courier_of_the_same_process(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    courier = Courier(db, secrets, clock, poll_seconds=3600)
    courier.register("note", door := Door())
    courier.start()
    await asyncio.sleep(0.05)  # it has looked, found nothing, and rests
    async with db.transaction() as tx:
        await OutboxWriter(secrets, clock, courier.wake).add(tx, "note", {})
    async with asyncio.timeout(5):
        await door.knocked.wait()
    await courier.stop()
    assert len(door.came) == 1


async def test_a_message_of_another_process_is_found_by_polling(
    open_db: Opener, secrets: MasterSecrets, clock: ManualClock
) -> None:
    courier = Courier(await open_db(), secrets, clock, poll_seconds=0.02)
    courier.register("note", door := Door())
    courier.start()
    await put(await open_db(), secrets, clock)
    async with asyncio.timeout(5):
        await door.knocked.wait()
    await courier.stop()
    assert len(door.came) == 1


async def test_a_slow_delivery_holds_up_no_other(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    courier = Courier(db, secrets, clock, poll_seconds=0.02)
    released = asyncio.Event()

    async def dawdle(message: Message) -> None:
        await released.wait()

    courier.register("slow", dawdle)
    courier.register("note", door := Door())
    await put(db, secrets, clock, kind="slow")
    clock.advance(seconds=1)
    await put(db, secrets, clock)
    courier.start()
    async with asyncio.timeout(5):
        await door.knocked.wait()
    assert not released.is_set()
    released.set()
    await courier.stop()
    assert (await service.backlog(db, clock.now())).depth == 0


def when_it_finds_nothing(courier: Courier) -> asyncio.Event:
    found_nothing, claim = asyncio.Event(), courier._claim_if_possible

    async def noted() -> Any:
        row = await claim()
        if row is None:
            found_nothing.set()
        return row

    courier._claim_if_possible = noted
    return found_nothing


async def test_stopping_finishes_what_is_under_way_and_takes_nothing_new(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    begun, goes_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def take_time(message: Message) -> None:
        begun.set()
        await goes_on.wait()
        ended.set()

    courier.register("note", take_time)
    idle = when_it_finds_nothing(courier)
    await put(db, secrets, clock)
    courier.start()
    async with asyncio.timeout(5):
        await begun.wait()
        await idle.wait()  # what it asks the database for now, it would still be given
        stopping = asyncio.create_task(courier.stop())
        await asyncio.sleep(0)
        await put(db, secrets, clock)
        assert not stopping.done()
        goes_on.set()
        await stopping
    assert ended.is_set()
    assert (await service.backlog(db, clock.now())).depth == 1
    await courier.stop()  # a second time does nothing


async def test_a_delivery_that_does_not_end_is_left_to_its_lease_when_stopping(
    db: Database,
    secrets: MasterSecrets,
    clock: ManualClock,
    courier: Courier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "STOP_SECONDS", 0.05)
    begun = asyncio.Event()

    async def hang(message: Message) -> None:
        begun.set()
        await asyncio.Event().wait()

    courier.register("note", hang)
    await put(db, secrets, clock)
    courier.start()
    async with asyncio.timeout(5):
        await begun.wait()
        await courier.stop()
    assert (await service.backlog(db, clock.now())).depth == 1


async def test_the_courier_outlives_a_database_that_goes_away_and_comes_back(
    open_db: Opener,
    secrets: MasterSecrets,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = await open_db()
    courier = Courier(own, secrets, clock, poll_seconds=0.02)
    courier.register("note", door := Door())
    await own.close()
    courier.start()
    message_id = await put(await open_db(), secrets, clock)
    await until(lambda: "outbox_not_readable" in caplog.text)
    await own.open()
    await until(door.knocked.is_set)
    await courier.stop()
    assert door.came == [message_id]
