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
USE = Statement(
    sa.update(link_tokens).where(*USABLE).values(used_at=p("now")).returning(*COLUMNS),
    row=LinkToken,
)
DROP_FOR_USER = Statement(
    sa.delete(link_tokens).where(
        link_tokens.c.user_id == p("user_id"), link_tokens.c.purpose == p("purpose")
    )
)
SWEEP = Statement(sa.delete(link_tokens).where(link_tokens.c.expires_at <= p("before")))


async def insert(db: Handle, **values: Any) -> None:
    await db.run(INSERT, used_at=None, **values)


async def peek(db: Handle, digest: bytes, purpose: LinkPurpose, now: datetime) -> LinkToken | None:
    return await db.one(PEEK, digest=digest, purpose=purpose, now=now)


async def use(db: Handle, digest: bytes, purpose: LinkPurpose, now: datetime) -> LinkToken | None:
    return await db.one(USE, digest=digest, purpose=purpose, now=now)


async def drop_for_user(db: Handle, user_id: UUID, purpose: LinkPurpose) -> None:
    await db.run(DROP_FOR_USER, user_id=user_id, purpose=purpose)


async def sweep(db: Handle, before: datetime) -> int:
    return await db.run(SWEEP, before=before)
