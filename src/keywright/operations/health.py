"""Is the process alive, and is it ready to serve?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from keywright.core.checks import Check

CHECK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Health:
    """`failing` names the parts that are down."""

    checked: tuple[str, ...]
    failing: tuple[str, ...]

    @property
    def ready(self) -> bool:
        return not self.failing


async def check_all(checks: Sequence[Check]) -> Health:
    """Run the checks beside each other, each with a time limit of two seconds."""
    good = await asyncio.gather(*(passes(check) for check in checks))
    names = tuple(check.name for check in checks)
    failing = tuple(name for name, is_good in zip(names, good, strict=True) if not is_good)
    return Health(names, failing)


async def passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check.run()
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not ready
        return False
    return True
