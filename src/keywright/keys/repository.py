from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql

from keywright.core.db import Handle, Statement, Transaction
from keywright.keys.models import SigningKey
from keywright.keys.table import signing_keys

KEY = signing_keys.c

NEWEST = Statement(
    sa.select(signing_keys).order_by(KEY.number.desc()).limit(1),
    row=SigningKey,
)
PUBLISHED = Statement(
    sa.select(signing_keys)
    .where(sa.or_(KEY.retires_at.is_(None), KEY.retires_at > bindparam("now")))
    .order_by(KEY.number.desc()),
    row=SigningKey,
)
ALL = Statement(sa.select(signing_keys).order_by(KEY.number), row=SigningKey)
ADD = Statement(
    postgresql.insert(signing_keys)
    .values({column.name: bindparam(column.name) for column in KEY})
    .on_conflict_do_nothing(index_elements=[KEY.number])
)
RETIRE_BEFORE = Statement(
    sa.update(signing_keys)
    .where(
        KEY.number < bindparam("before"),
        sa.or_(KEY.retires_at.is_(None), KEY.retires_at > bindparam("retires_at")),
    )
    .values(retires_at=bindparam("retires_at"))
)
DELETE_RETIRED = Statement(sa.delete(signing_keys).where(KEY.retires_at <= bindparam("now")))
REWRAP = Statement(
    sa.update(signing_keys)
    .where(KEY.kid == bindparam("key"), KEY.sealed_private_jwk == bindparam("seen"))
    .values(sealed_private_jwk=bindparam("sealed"))
)


async def find_newest(handle: Handle) -> SigningKey | None:
    return await handle.one(NEWEST)


async def list_published(handle: Handle, now: datetime) -> list[SigningKey]:
    return await handle.many(PUBLISHED, now=now)


async def list_all(handle: Handle) -> list[SigningKey]:
    return await handle.many(ALL)


async def add(handle: Handle, key: SigningKey) -> bool:
    """False when another process has added a key of this number."""
    return await handle.run(ADD, **msgspec.structs.asdict(key)) == 1


async def retire_before(tx: Transaction, number: int, retires_at: datetime) -> None:
    await tx.run(RETIRE_BEFORE, before=number, retires_at=retires_at)


async def delete_retired(tx: Transaction, now: datetime) -> None:
    await tx.run(DELETE_RETIRED, now=now)


async def rewrap(tx: Transaction, key: SigningKey, sealed: bytes) -> int:
    return await tx.run(REWRAP, key=key.kid, seen=key.sealed_private_jwk, sealed=sealed)
