"""Several couriers at once, and couriers that die or are late."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID

import pytest
from parts.outbox import Door, Opener, put

from keywright.core.clock import ManualClock
from keywright.core.crypto import MasterSecrets
from keywright.core.db import Transaction
from keywright.outbox import service
from keywright.outbox.delivery import Courier
from keywright.outbox.models import Message
from keywright.outbox.writer import OutboxWriter

pytestmark = pytest.mark.anyio


async def test_racing_couriers_deliver_each_message_once(
    open_db: Opener, secrets: MasterSecrets, clock: ManualClock
) -> None:
    delivered: Counter[UUID] = Counter()
    at_once: Counter[UUID] = Counter()

    async def deliver(message: Message) -> None:
        at_once[message.id] += 1
        assert at_once[message.id] == 1
        await asyncio.sleep(0.001)
        delivered[message.id] += 1
        at_once[message.id] -= 1

    handles = [await open_db() for _ in range(3)]
    ids = {await put(handles[0], secrets, clock) for _ in range(40)}
    couriers = [Courier(db, secrets, clock) for db in handles for _ in range(2)]
    for courier in couriers:
        courier.register("note", deliver)
    while sum(await asyncio.gather(*(courier.drain() for courier in couriers))):
        pass
    assert delivered == Counter(ids)


async def test_a_message_whose_courier_died_is_delivered_when_the_lease_ends(
    open_db: Opener, secrets: MasterSecrets, clock: ManualClock
) -> None:
    dying, living = [Courier(await open_db(), secrets, clock) for _ in range(2)]
    living.register("note", door := Door())
    message_id = await put(await open_db(), secrets, clock)
    assert await dying._claim() is not None
    clock.advance(seconds=59)
    assert await living.drain() == 0
    clock.advance(seconds=1)
    assert await living.drain() == 1
    assert door.came == [message_id]


async def test_a_job_that_lost_its_lease_changes_nothing(
    open_db: Opener, secrets: MasterSecrets, clock: ManualClock
) -> None:
    db = await open_db()
    slow, quick = [Courier(await open_db(), secrets, clock) for _ in range(2)]
    writer = OutboxWriter(secrets, clock, quick.wake)

    async def note(tx: Transaction, message: Message) -> None:
        await writer.add(tx, "note", {})

    for courier in (slow, quick):
        courier.register_job("job", note)
    quick.register("note", door := Door())
    await put(db, secrets, clock, kind="job")
    claimed = await slow._claim()
    assert claimed is not None
    clock.advance(seconds=61)
    assert await quick.drain() == 2
    await slow._deliver(claimed)
    await quick.drain()
    assert len(door.came) == 1
    assert (await service.backlog(db, clock.now())).depth == 0


async def test_a_courier_that_lost_its_lease_does_not_erase_the_others_message(
    open_db: Opener, secrets: MasterSecrets, clock: ManualClock
) -> None:
    slow, other = [Courier(await open_db(), secrets, clock) for _ in range(2)]
    slow.register("note", Door())
    await put(await open_db(), secrets, clock)
    claimed = await slow._claim()
    clock.advance(seconds=61)
    assert claimed is not None
    assert await other._claim() is not None
    await slow._deliver(claimed)
    assert (await service.backlog(await open_db(), clock.now())).depth == 1
