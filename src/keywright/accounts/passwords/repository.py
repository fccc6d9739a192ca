"""Every statement on counted password attempts."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from keywright.accounts.passwords.models import Attempts
from keywright.accounts.passwords.table import password_attempts
from keywright.core.db import Handle, Statement, UtcDateTime

p = sa.bindparam
COUNTER = password_attempts.c
THIS_ONE = COUNTER.key == p("key")
FIRST = upsert(password_attempts).values(key=p("key"), failures=1, last_at=p("now"))
IS_FORGOTTEN = COUNTER.last_at <= p("forgotten", type_=UtcDateTime())

RESERVE = Statement(
    FIRST.on_conflict_do_update(
        index_elements=[COUNTER.key],
        set_={
            "failures": sa.case((IS_FORGOTTEN, 1), else_=COUNTER.failures + 1),
            "last_at": FIRST.excluded.last_at,
        },
        where=sa.or_(
            IS_FORGOTTEN,
            COUNTER.failures < p("allowed", type_=sa.Integer()),
            COUNTER.last_at <= p("pause_began", type_=UtcDateTime()),
        ),
    )
)
FIND = Statement(sa.select(COUNTER.failures, COUNTER.last_at).where(THIS_ONE), row=Attempts)
REFUND = Statement(
    sa.update(password_attempts)
    .where(THIS_ONE, COUNTER.failures > 0)
    .values(failures=COUNTER.failures - 1, last_at=p("pause_began"))
)
CLEAR = Statement(sa.delete(password_attempts).where(THIS_ONE))
SWEEP = Statement(sa.delete(password_attempts).where(COUNTER.last_at <= p("forgotten")))


async def reserve(
    db: Handle,
    key: bytes,
    *,
    now: datetime,
    allowed: int,
    forgotten: datetime,
    pause_began: datetime,
) -> bool:
    """Count one attempt, if one more is allowed, in one statement."""
    values = {"now": now, "allowed": allowed, "forgotten": forgotten, "pause_began": pause_began}
    return await db.run(RESERVE, key=key, **values) == 1


async def find(db: Handle, key: bytes) -> Attempts | None:
    return await db.one(FIND, key=key)


async def refund(db: Handle, key: bytes, *, pause_began: datetime) -> None:
    await db.run(REFUND, key=key, pause_began=pause_began)


async def clear(db: Handle, key: bytes) -> None:
    await db.run(CLEAR, key=key)


async def sweep(db: Handle, *, forgotten: datetime) -> int:
    return await db.run(SWEEP, forgotten=forgotten)
