"""Every statement on idempotency keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from keywright.core.db import Handle, Statement, UtcDateTime
from keywright.core.idempotency.models import StoredKey
from keywright.core.idempotency.table import idempotency_keys as keys

p = sa.bindparam
STORED = tuple(keys.c[name] for name in StoredKey.__struct_fields__)
FIRST = upsert(keys).values({column.name: p(column.name) for column in keys.c})

CLAIM = Statement(
    FIRST.on_conflict_do_update(
        index_elements=[keys.c.key],
        set_={one.name: FIRST.excluded[one.name] for one in keys.c if one is not keys.c.key},
        where=keys.c.expires_at <= p("now", type_=UtcDateTime()),
    ).returning(*STORED),
    row=StoredKey,
)
FIND = Statement(
    sa.select(*STORED).where(keys.c.key == p("key"), keys.c.expires_at > p("now")), row=StoredKey
)
FINISH = Statement(
    sa.update(keys)
    .where(keys.c.key == p("key"), keys.c.holder == p("holder"), keys.c.resource_id.is_(None))
    .values(status=p("status"), resource_id=p("resource_id"), expires_at=p("expires_at"))
)
GIVE_UP = Statement(
    sa.delete(keys).where(
        keys.c.key == p("key"), keys.c.holder == p("holder"), keys.c.resource_id.is_(None)
    )
)
SWEEP = Statement(sa.delete(keys).where(keys.c.expires_at <= p("now")))


async def claim(db: Handle, **values: Any) -> bool:
    """Whether the key is free, or its time is over: then it is the holder's in this statement."""
    row = await db.one(CLAIM, status=None, resource_id=None, **values)
    return row is not None


async def find(db: Handle, key: bytes, now: datetime) -> StoredKey | None:
    return await db.one(FIND, key=key, now=now)


async def finish(db: Handle, **values: Any) -> bool:
    return await db.run(FINISH, **values) == 1


async def give_up(db: Handle, key: bytes, holder: UUID) -> None:
    await db.run(GIVE_UP, key=key, holder=holder)


async def sweep(db: Handle, now: datetime) -> int:
    return await db.run(SWEEP, now=now)
