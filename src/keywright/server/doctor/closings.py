"""Accounts that should be gone: is anybody purging them, and does that fail?"""

from __future__ import annotations

from datetime import datetime, timedelta

from keywright.accounts.closings import service as closings
from keywright.accounts.closings.models import StuckClosings
from keywright.core.dates import say_moment
from keywright.core.db import Database
from keywright.server.doctor.findings import Finding, ok, warning

PART = "deletions"
LATE = timedelta(minutes=5)


async def examine_closings(db: Database, now: datetime) -> Finding:
    stuck = await closings.count_due(db, now)
    return judge_closings(stuck, now, await closings.last_failure(db, now))


def judge_closings(stuck: StuckClosings, now: datetime, last_error: str | None) -> Finding:
    if stuck.oldest is None:
        return ok(PART, "No account waits longer than it should to be purged.")
    since = say_moment(stuck.oldest)
    if stuck.failed:
        return warning(
            PART,
            f"{stuck.failed} accounts could not be purged, the oldest since {since}. The last "
            f"failure: {last_error}",
            "`GET /users?status=closing` shows each with its reason. Mend the hook on "
            "UserDeleting; it is tried again by itself.",
        )
    if now - stuck.oldest > LATE:
        return warning(
            PART,
            f"{stuck.due} accounts should have been purged, the oldest by {since}.",
            "See that a server runs: it purges what is due.",
        )
    return ok(PART, f"{stuck.due} accounts are about to be purged.")
