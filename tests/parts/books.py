"""What a server's database holds, read behind its back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

import msgspec
import sqlalchemy as sa

from keywright.accounts.registrations.table import registrations
from keywright.accounts.users.table import users
from keywright.audit.models import AuditEvent, Outcome
from keywright.audit.table import audit, audit_origins
from keywright.core.db import Database, Statement
from keywright.outbox.table import outbox
from keywright.sessions.table import sessions


class Account(msgspec.Struct, frozen=True):
    id: UUID
    email: str


class Family(msgspec.Struct, frozen=True):
    id: UUID
    refresh_generation: int


class Recorded(msgspec.Struct, frozen=True):
    event: str
    subject_id: UUID | None
    session_id: UUID | None
    email: str | None


class Letter(msgspec.Struct, frozen=True):
    id: UUID


ACCOUNTS = Statement(sa.select(users.c.id, users.c.email), Account)
SIGN_UPS = Statement(sa.select(registrations.c.id, registrations.c.email), Account)
FAMILIES = Statement(sa.select(sessions.c.id, sessions.c.refresh_generation), Family)
RECORDED = Statement(
    sa.select(audit.c.event, audit.c.subject_id, audit.c.session_id, audit_origins.c.email)
    .join_from(audit, audit_origins, isouter=True)
    .where(audit.c.outcome == Outcome.SUCCESS),
    Recorded,
)
UNDELIVERED = Statement(sa.select(outbox.c.id), Letter)
END_LEASES = Statement(
    sa.update(outbox).where(outbox.c.lease_until.is_not(None)).values(lease_until=None)
)


@dataclass(frozen=True)
class Books:
    """Accounts and waiting sign-ups by address, sessions with their generation, the audit's rows."""

    accounts: dict[str, UUID]
    waiting: set[str]
    generations: dict[UUID, int]
    recorded: list[Recorded]

    def rotations(self, session_id: UUID) -> int:
        return self.generations.get(session_id, 1) - 1

    def sessions(self, event: AuditEvent) -> set[UUID | None]:
        return {one.session_id for one in self.recorded if one.event == event}

    def subjects(self, event: AuditEvent) -> Counter[UUID | None]:
        return Counter(one.subject_id for one in self.recorded if one.event == event)

    def addresses(self, event: AuditEvent) -> Counter[str | None]:
        return Counter(one.email for one in self.recorded if one.event == event)


async def read_books(db: Database) -> Books:
    return Books(
        {one.email: one.id for one in await db.many(ACCOUNTS)},
        {one.email for one in await db.many(SIGN_UPS)},
        {one.id: one.refresh_generation for one in await db.many(FAMILIES)},
        await db.many(RECORDED),
    )


async def everything_is_delivered(db: Database) -> bool:
    return not await db.many(UNDELIVERED)


async def end_leases(db: Database) -> None:
    """What a killed server was delivering is free for the next one: a minute passes."""
    await db.run(END_LEASES)
