"""Work for the hashing queue that ends when the test says so, and a hasher that is quick."""

from __future__ import annotations

import asyncio
from typing import Any

from keywright.accounts.passwords.queue import FairQueue
from keywright.core.settings import Settings


def quick_settings(**changes: Any) -> Settings:
    """Argon2id that takes a millisecond."""
    return Settings(_env_file=None, **{"argon2_memory_kib": 64, "argon2_time_cost": 1, **changes})


class Desk:
    """Requests at a `FairQueue`, by name; `started` tells in which order they were served."""

    def __init__(self, queue: FairQueue) -> None:
        self.queue = queue
        self.started: list[str] = []
        self._work: dict[str, asyncio.Future[str]] = {}

    async def ask(
        self,
        name: str,
        *,
        network: str | None = "198.51.100.1",
        account: str | None = None,
        known_device: bool = False,
    ) -> asyncio.Task[str]:
        """A request of its own account, unless told; it has joined the queue or been refused."""

        def start() -> asyncio.Future[str]:
            self.started.append(name)
            self._work[name] = asyncio.get_running_loop().create_future()
            return self._work[name]

        task = asyncio.create_task(
            self.queue.run(
                start, network=network, account=account or name, known_device=known_device
            )
        )
        await self.settle()
        return task

    async def finish(self, name: str) -> None:
        self._work.pop(name).set_result(name)
        await self.settle()

    async def fail(self, name: str, error: Exception) -> None:
        self._work.pop(name).set_exception(error)
        await self.settle()

    async def finish_all(self) -> None:
        while self._work:
            await self.finish(next(iter(self._work)))

    @staticmethod
    async def settle() -> None:
        """Let everything happen that no timer and no work holds back."""
        for _ in range(10):
            await asyncio.sleep(0)
