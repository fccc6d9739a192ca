"""The courier: takes due messages, hands each to the handler of its kind, and tries again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from keywright.core.clock import Clock
from keywright.core.crypto import MasterSecrets
from keywright.core.db import Database, Transaction
from keywright.core.log import get_logger
from keywright.outbox import repository
from keywright.outbox.errors import (
    DeliveryFailed,
    DeliveryRefused,
    LeaseLost,
    describe_failure,
)
from keywright.outbox.models import Message, SealedMessage
from keywright.outbox.retries import retry_delay
from keywright.outbox.service import open_message

LEASE = timedelta(seconds=60)
HANDLER_SECONDS = 45  # less than the lease: who lost it has stopped before another begins
POLL_SECONDS = 1.0
STOP_SECONDS = 10.0
LANES = 4  # deliveries at a time in one process: a slow mail server holds up no other message

Handler = Callable[[Message], Awaitable[None]]
Job = Callable[[Transaction, Message], Awaitable[None]]
log = get_logger("keywright.outbox")


class Delivery(Protocol):
    """Carries one message out and erases its row."""

    async def carry(self, db: Database, message: Message) -> None: ...


class HandledDelivery:
    """For work outside the database: done first, erased after, so done at least once."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def carry(self, db: Database, message: Message) -> None:
        await self._handler(message)
        await repository.erase(db, message)


class JobDelivery:
    """For work on the database: done in the transaction that erases the row, so exactly once."""

    def __init__(self, job: Job) -> None:
        self._job = job

    async def carry(self, db: Database, message: Message) -> None:
        async with db.transaction() as tx:
            if not await repository.erase(tx, message):
                raise LeaseLost
            await self._job(tx, message)


class Courier:
    """Delivers messages of one database; any number of couriers may race for them.

    `start` and `stop` frame the process's life; `drain` delivers what is due and returns.
    """

    def __init__(
        self,
        db: Database,
        secrets: MasterSecrets,
        clock: Clock,
        *,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._db = db
        self._secrets = secrets
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._deliveries: dict[str, Delivery] = {}
        self._wakened = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def register(self, kind: str, handler: Handler) -> None:
        """`handler(message)` reaches outside; a repeated message must not hurt it."""
        self._deliveries[kind] = HandledDelivery(handler)

    def register_job(self, kind: str, job: Job) -> None:
        """`job(tx, message)` writes through `tx` alone and awaits nothing else."""
        self._deliveries[kind] = JobDelivery(job)

    def wake(self) -> None:
        """Look for messages now; made for `tx.after_commit`."""
        self._wakened.set()

    def start(self) -> None:
        self._stopping = False
        self._wakened = asyncio.Event()  # the one of an earlier run belongs to that run's loop
        self._task = asyncio.create_task(self._run(), name="keywright-courier")

    async def stop(self) -> None:
        """Take no more messages, finish those under way (10 s at the most)."""
        if self._task is None:
            return
        self._stopping = True
        self.wake()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._task, STOP_SECONDS)
        self._task = None

    async def drain(self) -> int:
        """Deliver all that is due, and what that causes; how many messages were taken."""
        taken = 0
        while row := await self._claim():
            await self._deliver(row)
            taken += 1
        return taken

    async def _run(self) -> None:
        lanes = asyncio.Semaphore(LANES)
        async with asyncio.TaskGroup() as deliveries:
            while not self._stopping:
                await lanes.acquire()
                if row := await self._next():
                    delivery = deliveries.create_task(self._deliver(row))
                    delivery.add_done_callback(lambda _: lanes.release())

    async def _next(self) -> SealedMessage | None:
        """Wait for a message; None once the courier stops."""
        while not self._stopping:
            self._wakened.clear()
            if row := await self._claim_if_possible():
                return row
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wakened.wait(), self._poll_seconds)
        return None

    async def _claim_if_possible(self) -> SealedMessage | None:
        try:
            return await self._claim()
        except Exception as error:  # noqa: BLE001 - the loop outlives any state of the database
            log.warning("outbox_not_readable", error=describe_failure(error))
            return None

    async def _claim(self) -> SealedMessage | None:
        now = self._clock.now()
        if await self._db.one(repository.FIND_DUE, now=now) is None:
            return None
        return await self._db.one(repository.CLAIM, now=now, lease_until=now + LEASE)

    async def _deliver(self, row: SealedMessage) -> None:
        try:
            await self._carry_in_time(row)
        except LeaseLost:
            log.info("outbox_lease_lost", message_id=row.id, kind=row.kind)
        except Exception as error:  # noqa: BLE001 - whatever one message does, the others go on
            await self._put_back(row, error)
        self.wake()  # a job may have written further messages

    async def _carry_in_time(self, row: SealedMessage) -> None:
        try:
            async with asyncio.timeout(HANDLER_SECONDS):
                await self._carry(row)
        except TimeoutError:
            raise DeliveryFailed("The delivery did not end in time.") from None

    async def _carry(self, row: SealedMessage) -> None:
        if is_expired(row, self._clock.now()):
            await repository.erase(self._db, row)
            log.info("outbox_message_expired", message_id=row.id, kind=row.kind)
            return
        delivery = self._deliveries.get(row.kind)
        if delivery is None:
            raise DeliveryFailed(f"Nothing in this process delivers messages of kind {row.kind}.")
        await delivery.carry(self._db, open_message(self._secrets, row))

    async def _put_back(self, row: SealedMessage, error: Exception) -> None:
        """Try again later, or park it. If not even that can be written, the lease runs out."""
        reason = describe_failure(error)
        due_at = self._next_attempt(row, error)
        event = "outbox_delivery_failed" if due_at else "outbox_message_parked"
        log.warning(event, message_id=row.id, kind=row.kind, attempt=row.attempts, error=reason)
        try:
            await self._db.run(
                repository.PUT_BACK,
                message_id=row.id,
                seen_attempts=row.attempts,
                due_at=due_at,
                last_error=reason,
            )
        except Exception as lost:  # noqa: BLE001 - the database is gone; the message stays in it
            log.warning("outbox_not_writable", error=describe_failure(lost))

    def _next_attempt(self, row: SealedMessage, error: Exception) -> datetime | None:
        if isinstance(error, DeliveryRefused):
            return None
        delay = retry_delay(row.id, row.attempts)
        return None if delay is None else self._clock.now() + delay


def is_expired(row: SealedMessage, now: datetime) -> bool:
    """A message whose token has expired is not sent."""
    return row.expires_at is not None and row.expires_at <= now
