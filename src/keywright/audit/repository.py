"""Every statement on the audit record."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from keywright.audit.models import AuditCount, AuditRecord
from keywright.audit.table import audit, audit_origins
from keywright.core.db import Handle, Statement

p = sa.bindparam
ORIGIN = ("ip", "email", "user_agent")
COLUMNS = (*audit.c, *(audit_origins.c[name] for name in ORIGIN))

INSERT = Statement(sa.insert(audit).values({column.name: p(column.name) for column in audit.c}))
INSERT_ORIGIN = Statement(
    sa.insert(audit_origins).values({column.name: p(column.name) for column in audit_origins.c})
)
LIST_FOR_SUBJECT = Statement(
    sa.select(*COLUMNS)
    .join_from(audit, audit_origins, audit_origins.c.audit_id == audit.c.id, isouter=True)
    .where(audit.c.subject_id == p("subject_id"), audit.c.id < p("before"))
    .order_by(audit.c.id.desc())
    .limit(p("size", type_=sa.Integer())),
    row=AuditRecord,
)
COUNT_FOR_SUBJECT = Statement(
    sa.select(sa.func.count().label("count"))
    .select_from(audit)
    .where(audit.c.subject_id == p("subject_id")),
    row=AuditCount,
    long=True,
)
ABOUT_USER = sa.select(audit.c.id).where(
    sa.or_(audit.c.subject_id == p("user_id"), audit.c.actor_id == p("user_id"))
)
ERASE_ORIGINS_OF = Statement(
    sa.delete(audit_origins).where(audit_origins.c.audit_id.in_(ABOUT_USER))
)
ERASE_ORIGINS_AT = Statement(sa.delete(audit_origins).where(audit_origins.c.email == p("email")))


async def insert(db: Handle, **values: Any) -> None:
    await db.run(INSERT, **values)


async def insert_origin(db: Handle, **values: Any) -> None:
    await db.run(INSERT_ORIGIN, **values)


async def list_for_subject(
    db: Handle, subject_id: UUID, *, before: UUID, size: int
) -> list[AuditRecord]:
    return await db.many(LIST_FOR_SUBJECT, subject_id=subject_id, before=before, size=size)


async def count_for_subject(db: Handle, subject_id: UUID) -> int:
    counted = await db.one(COUNT_FOR_SUBJECT, subject_id=subject_id)
    return 0 if counted is None else counted.count


async def erase_origins(db: Handle, user_id: UUID, email: str | None) -> int:
    """Of the account, and of what was tried at the address before there was one."""
    of_user = await db.run(ERASE_ORIGINS_OF, user_id=user_id)
    return of_user + await db.run(ERASE_ORIGINS_AT, email=email)
