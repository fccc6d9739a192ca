"""The courier's everyday: deliver, wait, try again, give up."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from parts.outbox import Door, last_error, put

from keywright.core.clock import ManualClock
from keywright.core.crypto import MasterSecrets
from keywright.core.db import Database, Transaction
from keywright.outbox import delivery, service
from keywright.outbox.delivery import Courier
from keywright.outbox.errors import DeliveryFailed, DeliveryRefused
from keywright.outbox.models import Message
from keywright.outbox.retries import MAX_ATTEMPTS
from keywright.outbox.writer import OutboxWriter

pytestmark = pytest.mark.anyio


async def test_a_delivered_message_is_gone(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    courier.register("note", door := Door())
    message_id = await put(db, secrets, clock)
    assert await courier.drain() == 1
    assert await courier.drain() == 0
    assert door.came == [message_id]
    assert (await service.backlog(db, clock.now())).depth == 0


async def test_a_message_is_not_delivered_before_it_is_due(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    courier.register("note", door := Door())
    await put(db, secrets, clock, due_at=clock.now() + timedelta(hours=1))
    assert await courier.drain() == 0
    clock.advance(hours=1)
    assert await courier.drain() == 1
    assert len(door.came) == 1


async def test_a_failed_message_is_tried_again_later_and_ever_later(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    courier.register("note", door := Door())
    door.closed_with = DeliveryFailed("The door is stuck.")
    message_id = await put(db, secrets, clock)
    assert await courier.drain() == 1
    waits = []
    for _ in range(4):
        waits.append(0)
        while not await courier.drain():
            clock.advance(seconds=1)
            waits[-1] += 1
    assert waits == sorted(waits)
    assert waits[0] >= 3
    assert waits[-1] >= 8 * 3
    assert await last_error(db, message_id) == "The door is stuck."
    door.closed_with = None
    clock.advance(hours=1)
    await courier.drain()
    assert door.came == [message_id]


async def test_a_message_that_fails_for_a_day_is_parked_with_its_reason_and_not_lost(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    courier.register("note", door := Door())
    door.closed_with = DeliveryFailed("The door is stuck.")
    message_id = await put(db, secrets, clock)
    for _ in range(MAX_ATTEMPTS):
        assert await courier.drain() == 1
        clock.advance(hours=1)
    assert await courier.drain() == 0
    (parked,) = await service.list_parked(db)
    assert (parked.id, parked.last_error) == (message_id, "The door is stuck.")


async def test_a_poisoned_message_holds_up_nothing_else(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    async def choke(message: Message) -> None:
        raise RecursionError

    courier.register("poison", choke)
    courier.register("note", door := Door())
    await put(db, secrets, clock, kind="poison")
    clock.advance(seconds=1)
    good = [await put(db, secrets, clock) for _ in range(3)]
    assert await courier.drain() == 4
    assert sorted(door.came) == sorted(good)


async def test_a_message_of_a_kind_that_nobody_delivers_waits_and_says_so(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    message_id = await put(db, secrets, clock, kind="telegram")
    await courier.drain()
    assert "telegram" in str(await last_error(db, message_id))
    courier.register("telegram", door := Door())
    clock.advance(minutes=1)
    await courier.drain()
    assert door.came == [message_id]


async def test_a_message_of_another_master_secret_waits_and_names_the_setting(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    courier.register("note", door := Door())
    message_id = await put(db, MasterSecrets("some other master secret, also long"), clock)
    await courier.drain()
    assert door.came == []
    assert "KEYWRIGHT_SECRET_KEYS_OLD" in str(await last_error(db, message_id))


async def test_a_handler_that_never_ends_is_stopped_before_its_lease_ends(
    db: Database,
    secrets: MasterSecrets,
    clock: ManualClock,
    courier: Courier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert timedelta(seconds=delivery.HANDLER_SECONDS) < delivery.LEASE
    monkeypatch.setattr(delivery, "HANDLER_SECONDS", 0.05)
    stopped = asyncio.Event()

    async def hang(message: Message) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    courier.register("note", hang)
    message_id = await put(db, secrets, clock)
    await courier.drain()
    assert stopped.is_set()
    assert await last_error(db, message_id) == "The delivery did not end in time."


async def test_a_job_and_what_it_writes_are_one_transaction(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    writer = OutboxWriter(secrets, clock, courier.wake)
    fails = True

    async def find_out(tx: Transaction, message: Message) -> None:
        await writer.add(tx, "note", {"of": str(message.id)})
        if fails:
            raise LookupError

    courier.register_job("job", find_out)
    courier.register("note", door := Door())
    await put(db, secrets, clock, kind="job")
    assert await courier.drain() == 1
    assert (await service.backlog(db, clock.now())).depth == 1
    fails = False
    clock.advance(minutes=1)
    assert await courier.drain() == 2
    assert len(door.came) == 1
    assert (await service.backlog(db, clock.now())).depth == 0


async def test_an_expired_message_is_erased_even_while_it_waits_or_is_parked(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    async def refuse(message: Message) -> None:
        raise DeliveryRefused

    courier.register("refused", refuse)
    soon = clock.now() + timedelta(minutes=1)
    await put(db, secrets, clock, kind="refused", expires_at=soon)
    await put(db, secrets, clock, due_at=clock.now() + timedelta(days=1), expires_at=soon)
    await courier.drain()
    clock.advance(minutes=1)
    assert await courier.drain() == 2
    assert await service.list_parked(db) == []
    assert (await service.backlog(db, clock.now())).depth == 0
