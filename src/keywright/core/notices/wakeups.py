"""Valkey's part: it wakes the other processes, so that they read at once. It carries no news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from keywright.core.log import get_logger
from keywright.core.valkey import connect_valkey, valkey_errors

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

CHANNEL = "keywright:notices"
CHECK_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
log = get_logger("keywright.notices")


class Wakeups:
    """Publishes and hears an empty message. Who can write to Valkey can cause reads, no more."""

    def __init__(self, cache_url: str) -> None:
        self._speaker = connect_valkey(cache_url)
        self._listener = connect_valkey(cache_url, answer_seconds=None)
        self._sending: set[asyncio.Task[None]] = set()

    def send(self) -> None:
        """Wake the others soon; never waits, never fails."""
        task = asyncio.get_running_loop().create_task(self._publish())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` for each message and after each reconnect, for as long as this runs."""
        while True:
            try:
                async with self._listener.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    await hear(channel, wake)
            except valkey_errors() as error:
                log.debug("wakeups_not_heard", reason=type(error).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def close(self) -> None:
        if self._sending:
            await asyncio.wait(self._sending, timeout=RECONNECT_SECONDS)
        await self._speaker.aclose()
        await self._listener.aclose()

    async def _publish(self) -> None:
        try:
            await self._speaker.publish(CHANNEL, b"")
        except valkey_errors() as error:
            log.debug("wakeup_not_sent", reason=type(error).__name__)


async def hear(channel: PubSub, wake: Callable[[], None]) -> None:
    wake()  # whatever was said while nobody listened
    while True:
        if await channel.get_message(ignore_subscribe_messages=True, timeout=CHECK_SECONDS):
            wake()
