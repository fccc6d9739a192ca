"""Every statement on counted windows."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from keywright.core.db import Handle, Statement, UtcDateTime
from keywright.core.ratelimit.models import Window
from keywright.core.ratelimit.table import rate_limits

p = sa.bindparam
WINDOW = (rate_limits.c.hits, rate_limits.c.ends_at)
FIRST_HIT = upsert(rate_limits).values(key=p("key"), hits=p("amount"), ends_at=p("ends_at"))
IS_OVER = rate_limits.c.ends_at <= p("now", type_=UtcDateTime())

COUNT = Statement(
    FIRST_HIT.on_conflict_do_update(
        index_elements=[rate_limits.c.key],
        set_={
            "hits": sa.case(
                (IS_OVER, FIRST_HIT.excluded.hits),
                else_=rate_limits.c.hits + FIRST_HIT.excluded.hits,
            ),
            "ends_at": sa.case((IS_OVER, FIRST_HIT.excluded.ends_at), else_=rate_limits.c.ends_at),
        },
    ).returning(*WINDOW),
    row=Window,
)
FIND = Statement(
    sa.select(*WINDOW).where(rate_limits.c.key == p("key"), rate_limits.c.ends_at > p("now")),
    row=Window,
)
FORGET = Statement(sa.delete(rate_limits).where(rate_limits.c.key == p("key")))
FORGET_ALL = Statement(sa.delete(rate_limits))
SWEEP = Statement(sa.delete(rate_limits).where(rate_limits.c.ends_at <= p("now")))


async def count(db: Handle, key: str, amount: int, seconds: int, now: datetime) -> Window:
    """Add to the key's window, or begin a new one, in one statement."""
    ends_at = now + timedelta(seconds=seconds)
    window = await db.one(COUNT, key=key, amount=amount, ends_at=ends_at, now=now)
    assert window is not None
    return window


async def find(db: Handle, key: str, now: datetime) -> Window | None:
    return await db.one(FIND, key=key, now=now)


async def forget(db: Handle, key: str) -> None:
    await db.run(FORGET, key=key)


async def forget_all(db: Handle) -> int:
    return await db.run(FORGET_ALL)


async def sweep(db: Handle, now: datetime) -> int:
    return await db.run(SWEEP, now=now)
