"""Whether the database's clock and ours agree: each stamps what the other compares."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa

from keywright.core.clock import Clock
from keywright.core.db import Database, Statement, UtcDateTime
from keywright.server.doctor.findings import Finding, ok, problem, warning

PART = "clock"
NOTICEABLE = timedelta(seconds=2)
TOO_FAR = timedelta(seconds=20)  # revocations are re-read 30 s back (core.notices)
ADVICE = "Set both machines' clocks by NTP (`timedatectl set-ntp true`)."


class DatabaseClock(msgspec.Struct, frozen=True):
    now: datetime


DATABASE_CLOCK = Statement(
    sa.select(sa.func.clock_timestamp(type_=UtcDateTime).label("now")), row=DatabaseClock
)


async def examine_clock(db: Database, clock: Clock) -> Finding:
    if db.dialect == "sqlite":
        return ok(PART, "SQLite uses this machine's clock.")
    before = clock.now()
    row = await db.one(DATABASE_CLOCK)
    assert row is not None
    return judge_difference(row.now - (before + (clock.now() - before) / 2))


def judge_difference(difference: timedelta) -> Finding:
    """`difference` is how far the database's clock is ahead."""
    seconds = difference.total_seconds()
    says = f"The database's clock is {abs(seconds):.1f} s {'ahead' if seconds > 0 else 'behind'}."
    if abs(difference) >= TOO_FAR:
        return problem(PART, says, ADVICE)
    if abs(difference) >= NOTICEABLE:
        return warning(PART, says, ADVICE)
    return ok(PART, "The database's clock agrees with this machine's.")
