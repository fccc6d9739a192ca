"""Every statement on mailed tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from keywright.accounts.link_tokens.models import LinkPurpose, LinkToken
from keywright.accounts.link_tokens.table import link_tokens
from keywright.core.db import Handle, Statement

p = sa.bindparam
COLUMNS = tuple(link_tokens.c[name] for name in LinkToken.__struct_fields__)
USABLE = (
    link_tokens.c.digest == p("digest"),
    link_tokens.c.purpose == p("purpose"),
    link_tokens.c.used_at.is_(None),
    link_tokens.c.expires_at > p("now"),
)

INSERT = Statement(
    sa.insert(link_tokens).values({column.name: p(column.name) for column in link_tokens.c})
)
PEEK = Statement(sa.select(*COLUMNS).where(*USABLE), row=LinkToken)
NEWEST = Statement(
    sa.select(*COLUMNS)
    .where(
        link_tokens.c.user_id == p("user_id"),
        link_tokens.c.purpose == p("purpose"),
        *USABLE[2:],
    )
    .order_by(link_tokens.c.expires_at.desc())
    .limit(1),
    row=LinkToken,
)
USE = Statement(
    sa.update(link_tokens).where(*USABLE).values(used_at=p("now")).returning(*COLUMNS),
    row=LinkToken,
)
DROP_FOR_USER = Statement(
    sa.delete(link_tokens).where(
        link_tokens.c.user_id == p("user_id"), link_tokens.c.purpose == p("purpose")
    )
)
DROP_SINCE = Statement(
    sa.delete(link_tokens).where(
        link_tokens.c.user_id == p("user_id"),
        link_tokens.c.purpose == p("purpose"),
        link_tokens.c.created_at >= p("since"),
    )
)
LIST_FOR_USER = Statement(
    sa.select(*COLUMNS)
    .where(
        link_tokens.c.user_id == p("user_id"),
        link_tokens.c.purpose == p("purpose"),
        link_tokens.c.used_at.is_(None),
        link_tokens.c.expires_at > p("now"),
    )
    .order_by(link_tokens.c.created_at),
    row=LinkToken,
)
OPEN_FOR_USER = Statement(
    sa.select(*COLUMNS)
    .where(
        link_tokens.c.user_id == p("user_id"),
        link_tokens.c.used_at.is_(None),
        link_tokens.c.expires_at > p("now"),
    )
    .order_by(link_tokens.c.created_at),
    row=LinkToken,
)
FORGET = Statement(sa.delete(link_tokens).where(link_tokens.c.user_id == p("user_id")))
SWEEP = Statement(sa.delete(link_tokens).where(link_tokens.c.expires_at <= p("before")))


async def insert(db: Handle, **values: Any) -> None:
    await db.run(INSERT, used_at=None, **values)


async def peek(db: Handle, digest: bytes, purpose: LinkPurpose, now: datetime) -> LinkToken | None:
    return await db.one(PEEK, digest=digest, purpose=purpose, now=now)


async def find_newest(
    db: Handle, user_id: UUID, purpose: LinkPurpose, now: datetime
) -> LinkToken | None:
    return await db.one(NEWEST, user_id=user_id, purpose=purpose, now=now)


async def use(db: Handle, digest: bytes, purpose: LinkPurpose, now: datetime) -> LinkToken | None:
    return await db.one(USE, digest=digest, purpose=purpose, now=now)


async def drop_for_user(db: Handle, user_id: UUID, purpose: LinkPurpose) -> None:
    await db.run(DROP_FOR_USER, user_id=user_id, purpose=purpose)


async def drop_since(db: Handle, user_id: UUID, purpose: LinkPurpose, since: datetime) -> None:
    await db.run(DROP_SINCE, user_id=user_id, purpose=purpose, since=since)


async def list_for_user(
    db: Handle, user_id: UUID, purpose: LinkPurpose, now: datetime
) -> list[LinkToken]:
    return await db.many(LIST_FOR_USER, user_id=user_id, purpose=purpose, now=now)


async def list_open(db: Handle, user_id: UUID, now: datetime) -> list[LinkToken]:
    return await db.many(OPEN_FOR_USER, user_id=user_id, now=now)


async def forget(db: Handle, user_id: UUID) -> None:
    await db.run(FORGET, user_id=user_id)


async def sweep(db: Handle, before: datetime) -> int:
    return await db.run(SWEEP, before=before)
