from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from keywright.core.clock import Clock
from keywright.core.db import Database, Transaction
from keywright.core.errors import Unavailable
from keywright.core.log import get_logger
from keywright.core.notices import repository
from keywright.core.notices.models import Notice, Subject
from keywright.core.notices.revoked import Revoked
from keywright.core.notices.wakeups import Wakeups

if TYPE_CHECKING:
    from keywright.core.settings import Settings

REREAD_SECONDS = 2.0
READ_SECONDS = 2.0  # a read that takes longer is given up
WAKE_SPACING_SECONDS = 0.2  # reads caused by wake-ups come no faster than this
TRUST_SECONDS = 5.0
# Rows are stamped before they are committed, and by other machines' clocks: each read goes back
# this far behind the last one. It also repairs a cache that stored an old answer after a notice.
OVERLAP = timedelta(seconds=30)
Listener = Callable[[Notice], None]
log = get_logger("keywright.notices")


class Notices:
    """Revocations: written with the change, known here at once, in other processes within 5 s.

    `start` reads what still matters and keeps reading every 2 s; while no read succeeded for 5 s
    `require_fresh` raises. Valkey only makes the others read sooner.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._clock = clock
        self._monotonic = monotonic
        self._matters_for = timedelta(seconds=settings.access_token_ttl) + OVERLAP
        self._wakeups = Wakeups(settings.cache_url) if settings.cache_url else None
        self._listeners: list[Listener] = []
        self._revoked = Revoked()
        self._read_at: datetime | None = None
        self._trusted_until = float("-inf")
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with each notice, for as long as it is recent: more than once."""
        self._listeners.append(listener)

    async def revoke(self, tx: Transaction, kind: Subject, subject: UUID, now: datetime) -> None:
        """Revoke with the transaction. For `Subject.USER`, take `now` after its row is locked."""
        await repository.revoke(tx, kind, subject, now)
        notice = Notice(kind.value, subject, now)
        tx.after_commit(lambda: self._tell_everyone(notice))

    async def changed(self, tx: Transaction, user_id: UUID, now: datetime) -> None:
        """The account is not what caches hold any more; its tokens go on working."""
        await self.revoke(tx, Subject.USER_CHANGED, user_id, now)

    def is_revoked(self, kind: Subject, subject: UUID, issued_at: datetime) -> bool:
        """From memory. `issued_at` matters for `Subject.USER` alone, who may sign in again.

        Give the moment the *session* began (its UUIDv7 has it to the millisecond): a token's `iat`
        counts whole seconds and is renewed by a refresh.
        """
        return self._revoked.covers(kind, subject, issued_at)

    def require_fresh(self) -> None:
        """Raise `Unavailable` when the last good read is too old to trust any cache."""
        if not self.is_fresh:
            raise Unavailable("Revocations cannot be read right now. Please try again in a moment.")

    @property
    def is_fresh(self) -> bool:
        return self._monotonic() < self._trusted_until

    async def start(self) -> None:
        """Read once, and go on reading. A database that is gone now may come later."""
        self._wake = asyncio.Event()  # the one of an earlier run belongs to that run's loop
        await self._try_to_read()
        self._tasks.append(asyncio.create_task(self._keep_reading(), name="keywright-notices"))
        if self._wakeups is not None:
            listening = self._wakeups.listen(self._wake.set)
            self._tasks.append(asyncio.create_task(listening, name="keywright-wakeups"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._wakeups is not None:
            await self._wakeups.close()

    async def read(self) -> None:
        """Read what was revoked since shortly before the last read."""
        now, began = self._clock.now(), self._monotonic()
        for notice in await repository.list_since(self._db, self._since(now)):
            self._tell_listeners(notice)
        self._revoked.forget_before(now - self._matters_for)
        self._read_at, self._trusted_until = now, began + TRUST_SECONDS

    async def sweep(self) -> int:
        """Delete revocations that no token is old enough for."""
        return await repository.sweep(self._db, self._clock.now() - 2 * self._matters_for)

    def _since(self, now: datetime) -> datetime:
        if self._read_at is None:
            return now - self._matters_for
        return min(self._read_at, now) - OVERLAP

    async def _keep_reading(self) -> None:
        while True:
            await self._wait_for_next_read()
            await self._try_to_read()

    async def _wait_for_next_read(self) -> None:
        await asyncio.sleep(WAKE_SPACING_SECONDS)
        try:
            async with asyncio.timeout(REREAD_SECONDS - WAKE_SPACING_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _try_to_read(self) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self.read()
        except Exception as error:  # noqa: BLE001 - the loop outlives any state of the database
            log.warning("revocations_not_read", reason=type(error).__name__)

    def _tell_everyone(self, notice: Notice) -> None:
        self._tell_listeners(notice)
        if self._wakeups is not None:
            self._wakeups.send()

    def _tell_listeners(self, notice: Notice) -> None:
        self._revoked.remember(notice)
        for listener in self._listeners:
            try:
                listener(notice)
            except Exception:
                log.exception("listener_failed", kind=notice.kind)
