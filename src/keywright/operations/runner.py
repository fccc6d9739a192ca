"""Runs periodic work inside the serving process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from keywright.core.log import get_logger
from keywright.core.tasks import Periodic

log = get_logger("keywright.operations")


class Runner:
    def __init__(self, periodic: Sequence[Periodic]) -> None:
        self._periodic = periodic
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(repeat(work), name=f"keywright-{work.name}")
            for work in self._periodic
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


async def repeat(work: Periodic) -> None:
    """A run that fails is logged and tried again at its next turn."""
    while True:
        await asyncio.sleep(work.seconds)
        try:
            await work.run()
        except Exception as error:  # noqa: BLE001 - the loop outlives any state of the database
            log.warning("periodic_work_failed", work=work.name, error=type(error).__name__)
