"""Every statement on revocations."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from keywright.core.db import Handle, Statement
from keywright.core.notices.models import Notice, Subject
from keywright.core.notices.table import revocations

p = sa.bindparam
INSERT = upsert(revocations).values({column.name: p(column.name) for column in revocations.c})

# A writer whose clock is behind never moves a revocation back.
REVOKE = Statement(
    INSERT.on_conflict_do_update(
        index_elements=[revocations.c.kind, revocations.c.subject],
        set_={
            "revoked_at": sa.case(
                (revocations.c.revoked_at > INSERT.excluded.revoked_at, revocations.c.revoked_at),
                else_=INSERT.excluded.revoked_at,
            )
        },
    )
)
SINCE = Statement(
    sa.select(*revocations.c)
    .where(revocations.c.revoked_at >= p("since"))
    .order_by(revocations.c.revoked_at),
    row=Notice,
)
SWEEP = Statement(sa.delete(revocations).where(revocations.c.revoked_at < p("before")))


async def revoke(db: Handle, kind: Subject, subject: UUID, now: datetime) -> None:
    await db.run(REVOKE, kind=kind.value, subject=subject, revoked_at=now)


async def list_since(db: Handle, since: datetime) -> list[Notice]:
    return await db.many(SINCE, since=since)


async def sweep(db: Handle, before: datetime) -> int:
    return await db.run(SWEEP, before=before)
