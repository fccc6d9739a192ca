"""Every statement on accounts that wait to be purged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from keywright.accounts.closings.models import Closing, ClosingId, StuckClosings
from keywright.accounts.closings.table import closings
from keywright.core.db import Handle, Statement, in_list

p = sa.bindparam
COLUMNS = tuple(closings.c[name] for name in Closing.__struct_fields__)
waiting = closings.alias("waiting")
TAKEABLE = (
    waiting.c.next_try_at <= p("now"),
    sa.or_(waiting.c.lease_until.is_(None), waiting.c.lease_until <= p("now")),
)

INSERT = Statement(
    sa.insert(closings).values({column.name: p(column.name) for column in closings.c})
)
BY_USER = Statement(sa.select(*COLUMNS).where(closings.c.user_id == p("user_id")), row=Closing)
BY_USERS = Statement(sa.select(*COLUMNS).where(in_list(closings.c.user_id, "ids")), row=Closing)
DROP = Statement(sa.delete(closings).where(closings.c.user_id == p("user_id")))
DROP_TAKEN = Statement(
    sa.delete(closings).where(
        closings.c.user_id == p("user_id"), closings.c.attempts == p("attempts")
    )
)
# Read before TAKE writes: with nothing to do, a look takes no lock.
FIND_DUE = Statement(sa.select(waiting.c.user_id).where(*TAKEABLE).limit(1), row=ClosingId)
# One row a claim and `=`: PostgreSQL may run an IN (… LIMIT … FOR UPDATE) more than once.
TAKE = Statement(
    sa.update(closings)
    .where(
        closings.c.user_id
        == sa.select(waiting.c.user_id)
        .where(*TAKEABLE)
        .order_by(waiting.c.next_try_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    .values(lease_until=p("lease_until"), attempts=closings.c.attempts + 1)
    .returning(*COLUMNS),
    row=Closing,
)
PUT_BACK = Statement(
    sa.update(closings)
    .where(closings.c.user_id == p("whose"), closings.c.attempts == p("seen_attempts"))
    .values(next_try_at=p("next_try_at"), last_error=p("last_error"), lease_until=None)
)
STUCK: tuple[sa.Label[Any], ...] = (
    sa.func.count().label("due"),
    sa.func.count(closings.c.last_error).label("failed"),
    sa.func.min(closings.c.deletes_at).label("oldest"),
)
COUNT_DUE = Statement(
    sa.select(*STUCK).select_from(closings).where(closings.c.deletes_at <= p("now")),
    row=StuckClosings,
)

LAST_FAILURE = Statement(
    sa.select(*COLUMNS)
    .where(closings.c.deletes_at <= p("now"), closings.c.last_error.is_not(None))
    .order_by(closings.c.next_try_at.desc())
    .limit(1),
    row=Closing,
)


async def insert(db: Handle, **values: Any) -> None:
    await db.run(INSERT, **values)


async def find(db: Handle, user_id: UUID) -> Closing | None:
    return await db.one(BY_USER, user_id=user_id)


async def list_of(db: Handle, user_ids: Iterable[UUID]) -> list[Closing]:
    return await db.many(BY_USERS, ids=list(user_ids))


async def drop(db: Handle, user_id: UUID) -> bool:
    return await db.run(DROP, user_id=user_id) == 1


async def drop_taken(db: Handle, taken: Closing) -> bool:
    return await db.run(DROP_TAKEN, user_id=taken.user_id, attempts=taken.attempts) == 1


async def take_due(db: Handle, now: datetime, lease_until: datetime) -> Closing | None:
    if await db.one(FIND_DUE, now=now) is None:
        return None
    return await db.one(TAKE, now=now, lease_until=lease_until)


async def put_back(db: Handle, taken: Closing, next_try_at: datetime, last_error: str) -> bool:
    return (
        await db.run(
            PUT_BACK,
            whose=taken.user_id,
            seen_attempts=taken.attempts,
            next_try_at=next_try_at,
            last_error=last_error,
        )
        == 1
    )


async def count_due(db: Handle, now: datetime) -> StuckClosings:
    counted = await db.one(COUNT_DUE, now=now)
    return counted or StuckClosings(0, 0, None)


async def last_failure(db: Handle, now: datetime) -> str | None:
    """Why the purge that failed last did."""
    failed = await db.one(LAST_FAILURE, now=now)
    return None if failed is None else failed.last_error
