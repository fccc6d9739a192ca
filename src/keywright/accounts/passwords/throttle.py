"""How often one may err: ten wrong passwords in 15 minutes, then one a minute.

An account is counted by the folded address as it was typed, whether or not it exists. A browser
with the device cookie of an earlier sign-in has a counter of its own, so that a stranger's errors
never shut the owner out. An attempt is counted before it is judged: racing ones cannot exceed the
allowance. Failures are forgotten 15 minutes after the last one, and by a success.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta

from keywright.accounts.passwords import repository
from keywright.core.db import Database, Handle
from keywright.core.errors import TooManyRequests
from keywright.core.ratelimit import Limit, Standing
from keywright.core.ratelimit.limits import rate_limit_headers

WINDOW = timedelta(minutes=15)
PAUSE = timedelta(minutes=1)
LIMIT = Limit("password", 10, int(WINDOW.total_seconds()))


async def check_account(db: Database, *, account: str, device: str | None, now: datetime) -> None:
    """Count one attempt, wrong until `clear_failures` says otherwise. Raises `TooManyRequests`.

    Takes the database itself: what is counted stays counted when the sign-in is rolled back.
    """
    key = counter_key(account, device)
    if not await reserve_attempt(db, key, now):
        wait = await seconds_until_next(db, key, now)
        raise TooManyRequests(wait, headers=rate_limit_headers(LIMIT, Standing(0, wait)))


async def reserve_attempt(db: Database, key: bytes, now: datetime) -> bool:
    """Whether one more attempt is allowed; it is counted in the same statement."""
    return await repository.reserve(
        db,
        key,
        now=now,
        allowed=LIMIT.amount,
        forgotten=now - WINDOW,
        pause_began=now - PAUSE,
    )


async def refund_attempt(db: Handle, *, account: str, device: str | None, now: datetime) -> None:
    """Give back an attempt that nobody judged (`Overloaded`, a database that went away)."""
    await repository.refund(db, counter_key(account, device), pause_began=now - PAUSE)


async def clear_failures(db: Handle, *, account: str, device: str | None) -> None:
    """A right password ends the counter that it was counted by, and no other."""
    await repository.clear(db, counter_key(account, device))


async def sweep(db: Handle, *, now: datetime) -> int:
    """Delete the counters that count no more."""
    return await repository.sweep(db, forgotten=now - WINDOW)


async def seconds_until_next(db: Handle, key: bytes, now: datetime) -> int:
    attempts = await repository.find(db, key)
    if attempts is None:
        return 1
    return max(1, math.ceil((attempts.last_at + PAUSE - now).total_seconds()))


def counter_key(account: str, device: str | None) -> bytes:
    """Which counter: a known browser's own, or the one that all strangers share."""
    parts = ("account", account) if device is None else ("device", account, device)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
