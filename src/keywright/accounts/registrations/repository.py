"""Every statement on pending sign-ups."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from keywright.accounts.registrations.models import Registration
from keywright.accounts.registrations.table import registrations
from keywright.core.db import Handle, Statement

p = sa.bindparam
LIVE = registrations.c.expires_at > p("now")

INSERT = Statement(
    sa.insert(registrations).values({column.name: p(column.name) for column in registrations.c})
)
BY_ID = Statement(
    sa.select(*registrations.c).where(registrations.c.id == p("id"), LIVE), row=Registration
)
BY_EMAIL = Statement(
    sa.select(*registrations.c)
    .where(registrations.c.email_folded == p("email_folded"), LIVE)
    .order_by(registrations.c.created_at.desc(), registrations.c.id.desc())
    .limit(20),
    row=Registration,
)
DROP_BY_EMAIL = Statement(
    sa.delete(registrations).where(registrations.c.email_folded == p("email_folded"))
)
SWEEP = Statement(sa.delete(registrations).where(registrations.c.expires_at <= p("now")))


async def insert(db: Handle, row: Registration) -> None:
    await db.run(INSERT, **{name: getattr(row, name) for name in row.__struct_fields__})


async def find(db: Handle, registration_id: UUID, now: datetime) -> Registration | None:
    return await db.one(BY_ID, id=registration_id, now=now)


async def list_for(db: Handle, email_folded: str, now: datetime) -> list[Registration]:
    """The pending sign-ups of an address, the newest first."""
    return await db.many(BY_EMAIL, email_folded=email_folded, now=now)


async def drop_all_for(db: Handle, email_folded: str) -> int:
    return await db.run(DROP_BY_EMAIL, email_folded=email_folded)


async def sweep(db: Handle, now: datetime) -> int:
    return await db.run(SWEEP, now=now)
