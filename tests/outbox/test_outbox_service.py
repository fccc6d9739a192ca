from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from parts.outbox import EVERY_MAIL, NOW, ROW_ID, SECRET, put

from keywright.core.clock import ManualClock
from keywright.core.crypto import CannotOpen, MasterSecrets, Rewrapped
from keywright.core.db import Database
from keywright.outbox import service
from keywright.outbox.channels.mail.channel import KIND as MAIL
from keywright.outbox.channels.mail.mails import AnyMail
from keywright.outbox.delivery import Courier
from keywright.outbox.errors import DeliveryRefused, MessageNotParked
from keywright.outbox.models import Backlog, Message
from keywright.outbox.retries import MAX_ATTEMPTS, retry_delay
from keywright.outbox.writer import OutboxWriter

pytestmark = pytest.mark.anyio


async def test_a_message_that_was_rolled_back_was_never_there(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    async def enqueue_and_fail() -> None:
        async with db.transaction() as tx:
            await service.enqueue(tx, secrets, kind="note", payload={}, now=clock.now())
            raise LookupError

    with pytest.raises(LookupError):
        await enqueue_and_fail()
    assert (await service.backlog(db, clock.now())).depth == 0


async def test_a_payload_comes_back_as_it_was(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    payload = {"id": str(ROW_ID), "words": ["ä", "🔑"], "n": 3, "deep": {"none": None, "yes": True}}
    seen: list[Message] = []

    async def keep(message: Message) -> None:
        seen.append(message)

    courier.register("note", keep)
    message_id = await put(db, secrets, clock, payload)
    assert await courier.drain() == 1
    assert seen == [Message(message_id, "note", payload, NOW, attempts=1, expires_at=None)]


async def test_the_backlog_tells_depth_age_and_what_is_parked(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    assert await service.backlog(db, clock.now()) == Backlog(0, timedelta(0), 0)
    await put(db, secrets, clock)
    clock.advance(seconds=30)
    await put(db, secrets, clock, due_at=clock.now() + timedelta(hours=1))
    await put(db, secrets, clock, kind="bad")

    async def refuse(message: Message) -> None:
        raise DeliveryRefused("No such door.")

    courier.register("bad", refuse)
    await courier.drain()
    clock.advance(seconds=30)
    assert await service.backlog(db, clock.now()) == Backlog(2, timedelta(seconds=60), 1)


async def test_a_parked_message_is_shown_with_its_reason_and_can_be_tried_again(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    closed = True
    delivered: list[UUID] = []

    async def knock(message: Message) -> None:
        if closed:
            raise DeliveryRefused("No such door.")
        delivered.append(message.id)

    courier.register("note", knock)
    message_id = await put(db, secrets, clock)
    await courier.drain()
    clock.advance(days=400)
    assert await courier.drain() == 0
    (parked,) = await service.list_parked(db)
    assert (parked.id, parked.kind, parked.attempts) == (message_id, "note", 1)
    assert parked.last_error == "No such door."
    closed = False
    await service.retry_parked(db, message_id, now=clock.now())
    with pytest.raises(MessageNotParked):
        await service.retry_parked(db, message_id, now=clock.now())
    assert await courier.drain() == 1
    assert delivered == [message_id]
    assert await service.list_parked(db) == []


async def test_the_newest_parked_messages_come_first_and_no_more_than_asked_for(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    async def refuse(message: Message) -> None:
        raise DeliveryRefused

    courier.register("note", refuse)
    ids = []
    for _ in range(3):
        ids.append(await put(db, secrets, clock))
        clock.advance(seconds=1)
    await courier.drain()
    assert [parked.id for parked in await service.list_parked(db, limit=2)] == ids[:0:-1]


@pytest.mark.parametrize("said", EVERY_MAIL, ids=lambda said: type(said).__name__)
async def test_a_mail_expires_with_the_link_that_it_carries_and_the_last_one_with_its_address(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier, said: AnyMail
) -> None:
    woken: list[str] = []
    writer = OutboxWriter(secrets, clock, lambda: woken.append("now"))
    seen: list[Message] = []

    async def keep(message: Message) -> None:
        seen.append(message)

    courier.register(MAIL, keep)
    async with db.transaction() as tx:
        await writer.mail(tx, said)
        assert woken == []
    assert woken == ["now"]
    await courier.drain()
    assert seen[0].expires_at == getattr(said, "expires_at", None)


async def test_a_job_wakes_the_courier_after_the_commit_and_not_after_a_rollback(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    woken: list[str] = []
    writer = OutboxWriter(secrets, clock, lambda: woken.append("now"))

    async def add_and_fail() -> None:
        async with db.transaction() as tx:
            await writer.add(tx, "note", {})
            raise LookupError

    with pytest.raises(LookupError):
        await add_and_fail()
    assert woken == []
    async with db.transaction() as tx:
        await writer.add(tx, "note", {})
    assert woken == ["now"]
    assert (await service.backlog(db, clock.now())).depth == 1


async def test_payloads_are_sealed_again_in_batches_until_the_old_secret_is_unused(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    for number in range(3):
        await put(db, secrets, clock, {"number": number})
    rotated = MasterSecrets("the next master secret, long enough too", [SECRET])
    batches = []
    for _ in range(2):
        async with db.transaction() as tx:
            batches.append(await service.rewrap_payloads(tx, rotated, limit=2))
    assert batches == [Rewrapped(2, remaining=1), Rewrapped(1, remaining=0)]
    seen: list[int] = []

    async def keep(message: Message) -> None:
        seen.append(message.payload["number"])

    courier = Courier(db, MasterSecrets("the next master secret, long enough too"), clock)
    courier.register("note", keep)
    await courier.drain()
    assert sorted(seen) == [0, 1, 2]


async def test_sealing_again_needs_the_old_secret(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    await put(db, secrets, clock)
    stranger = MasterSecrets("a master secret that sealed nothing here")

    async def rewrap() -> None:
        async with db.transaction() as tx:
            await service.rewrap_payloads(tx, stranger, limit=10)

    with pytest.raises(CannotOpen):
        await rewrap()


def test_delays_grow_to_a_quarter_of_an_hour_and_end_after_about_a_day() -> None:
    middle = UUID(int=ROW_ID.int >> 16 << 16 | 0x7FFF)
    delays = [retry_delay(middle, attempt) for attempt in range(1, MAX_ATTEMPTS)]
    seconds = [round(delay.total_seconds()) for delay in delays if delay]
    assert seconds[:9] == [5, 10, 20, 40, 80, 160, 320, 640, 900]
    assert len(seconds) == MAX_ATTEMPTS - 1
    assert timedelta(hours=22) < timedelta(seconds=sum(seconds)) < timedelta(hours=25)
    assert retry_delay(middle, MAX_ATTEMPTS) is None


def test_messages_that_failed_together_come_back_apart() -> None:
    early, late = UUID(int=ROW_ID.int >> 16 << 16), UUID(int=ROW_ID.int | 0xFFFF)
    first, last = retry_delay(early, 5), retry_delay(late, 5)
    assert (first, last) == (timedelta(seconds=60), timedelta(seconds=100))
