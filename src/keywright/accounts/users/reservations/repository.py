"""Every statement on reserved addresses."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from keywright.accounts.users.reservations.models import Reservation
from keywright.accounts.users.table import reserved_addresses
from keywright.core.db import Handle, Statement

p = sa.bindparam
COLUMNS = tuple(reserved_addresses.c[name] for name in Reservation.__struct_fields__)
OF_ADDRESS = (
    reserved_addresses.c.email_folded == p("email_folded"),
    reserved_addresses.c.expires_at > p("now"),
)
NEW = upsert(reserved_addresses).values(
    {column.name: p(column.name) for column in reserved_addresses.c}
)

RESERVE = Statement(
    NEW.on_conflict_do_update(
        index_elements=[reserved_addresses.c.email_folded],
        set_={name: NEW.excluded[name] for name in ("email", "user_id", "expires_at")},
    )
)
FIND = Statement(sa.select(*COLUMNS).where(*OF_ADDRESS), row=Reservation)
LIST_OF_USER = Statement(
    sa.select(*COLUMNS)
    .where(reserved_addresses.c.user_id == p("user_id"))
    .order_by(reserved_addresses.c.expires_at),
    row=Reservation,
)
RELEASE_ALL = Statement(
    sa.delete(reserved_addresses).where(reserved_addresses.c.user_id == p("user_id"))
)
SWEEP = Statement(sa.delete(reserved_addresses).where(reserved_addresses.c.expires_at <= p("now")))


async def reserve(db: Handle, row: Reservation) -> None:
    await db.run(RESERVE, **{name: getattr(row, name) for name in row.__struct_fields__})


async def find(db: Handle, email_folded: str, now: datetime) -> Reservation | None:
    return await db.one(FIND, email_folded=email_folded, now=now)


async def list_of_user(db: Handle, user_id: UUID) -> list[Reservation]:
    return await db.many(LIST_OF_USER, user_id=user_id)


async def release_all(db: Handle, user_id: UUID) -> None:
    await db.run(RELEASE_ALL, user_id=user_id)


async def sweep(db: Handle, now: datetime) -> int:
    return await db.run(SWEEP, now=now)
