"""The rules of accounts that wait to be purged: one grace for each, one process at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from keywright.accounts.closings import repository
from keywright.accounts.closings.errors import NotClosing
from keywright.accounts.closings.models import Closing
from keywright.accounts.closings.table import FAILURE_LENGTH
from keywright.core.db import Handle, Transaction

LEASE = timedelta(seconds=60)  # after which a purge whose process died is anybody's
FIRST_DELAY_SECONDS = 10
LONGEST_DELAY_SECONDS = 60 * 60

find = repository.find
list_of = repository.list_of
drop = repository.drop
count_due = repository.count_due
last_failure = repository.last_failure


async def begin(tx: Transaction, user_id: UUID, now: datetime, deletes_at: datetime) -> Closing:
    """The account is purged at `deletes_at`, unless that is cancelled."""
    closing = Closing(user_id, now, deletes_at, deletes_at, attempts=0, last_error=None)
    await repository.insert(
        tx,
        user_id=user_id,
        confirmed_at=closing.confirmed_at,
        deletes_at=closing.deletes_at,
        next_try_at=closing.next_try_at,
        attempts=0,
        lease_until=None,
        last_error=None,
    )
    return closing


async def cancel(tx: Transaction, user_id: UUID) -> None:
    """After the account's row is held, where a purge waits, too. Raises `NotClosing`."""
    if not await repository.drop(tx, user_id):
        raise NotClosing


async def take_due(db: Handle, now: datetime) -> Closing | None:
    """A purge that is due, for this process alone until its lease ends."""
    return await repository.take_due(db, now, now + LEASE)


async def still_holds(tx: Transaction, taken: Closing) -> bool:
    """Use the purge up with the transaction. False when it was cancelled, or another process took
    it over.
    """
    return await repository.drop_taken(tx, taken)


async def put_back(db: Handle, taken: Closing, now: datetime, reason: str) -> datetime:
    """Try again later, for as long as it takes; answers when."""
    next_try_at = now + retry_delay(taken.attempts)
    await repository.put_back(db, taken, next_try_at, reason[:FAILURE_LENGTH])
    return next_try_at


def retry_delay(attempts: int) -> timedelta:
    """Twice as long after each attempt, an hour at the most."""
    doublings = min(attempts - 1, 20)
    return timedelta(seconds=min(FIRST_DELAY_SECONDS * 2**doublings, LONGEST_DELAY_SECONDS))
