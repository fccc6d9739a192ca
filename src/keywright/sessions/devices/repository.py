"""Every statement on known devices."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from keywright.core.db import Handle, Statement
from keywright.sessions.devices.models import KnownDevice, Other, SignIns
from keywright.sessions.devices.table import known_devices

p = sa.bindparam
KEY = ("user_id", "name", "network")
OF_USER = known_devices.c.user_id == p("user_id")

REMEMBER = Statement(
    upsert(known_devices)
    .values(
        **{column: p(column) for column in KEY},
        first_seen_at=p("now"),
        last_seen_at=p("now"),
        sign_ins=sa.literal_column("1", sa.Integer),
    )
    .on_conflict_do_update(
        index_elements=list(KEY),
        set_={"last_seen_at": p("now"), "sign_ins": known_devices.c.sign_ins + 1},
    )
    .returning(known_devices.c.sign_ins),
    row=SignIns,
)
ANOTHER = Statement(
    sa.select(known_devices.c.user_id)
    .where(
        OF_USER,
        sa.or_(known_devices.c.name != p("name"), known_devices.c.network != p("network")),
    )
    .limit(1),
    row=Other,
)
LAST_KEPT = (
    sa.select(known_devices.c.last_seen_at)
    .where(OF_USER)
    .order_by(known_devices.c.last_seen_at.desc())
    .offset(p("kept", type_=sa.Integer))
    .limit(1)
    .scalar_subquery()
)
FORGET_SURPLUS = Statement(
    sa.delete(known_devices).where(OF_USER, known_devices.c.last_seen_at <= LAST_KEPT)
)
FORGET_ALL = Statement(sa.delete(known_devices).where(OF_USER))
LIST = Statement(
    sa.select(*known_devices.c)
    .where(OF_USER)
    .order_by(known_devices.c.last_seen_at.desc(), *(known_devices.c[name] for name in KEY)),
    row=KnownDevice,
)


async def remember(db: Handle, user_id: UUID, name: str, network: str, now: datetime) -> int:
    """How often it has signed in, this time included."""
    row = await db.one(REMEMBER, user_id=user_id, name=name, network=network, now=now)
    assert row is not None
    return row.sign_ins


async def has_another(db: Handle, user_id: UUID, name: str, network: str) -> bool:
    return await db.one(ANOTHER, user_id=user_id, name=name, network=network) is not None


async def forget_surplus(db: Handle, user_id: UUID, kept: int) -> None:
    await db.run(FORGET_SURPLUS, user_id=user_id, kept=kept)


async def forget_all(db: Handle, user_id: UUID) -> None:
    await db.run(FORGET_ALL, user_id=user_id)


async def list_for_user(db: Handle, user_id: UUID) -> list[KnownDevice]:
    return await db.many(LIST, user_id=user_id)
