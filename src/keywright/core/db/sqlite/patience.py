"""Waiting for another process's lock without stopping the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from keywright.core.db.sqlite.errors import is_busy

Answer = TypeVar("Answer")
FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05  # seconds


async def retry_while_busy(action: Callable[[], Answer], patience: float) -> Answer:
    """What `action` gives, tried again for up to `patience` seconds while the file is locked."""
    loop = asyncio.get_running_loop()
    give_up, pause = loop.time() + patience, FIRST_PAUSE
    while True:
        try:
            return action()
        except Exception as error:
            if not is_busy(error) or loop.time() > give_up:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
