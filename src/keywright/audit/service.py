"""The rules of the audit record: written with the change, read by its subject, erased in part."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from keywright.audit import repository
from keywright.audit.models import AuditEvent, AuditPage, Outcome
from keywright.audit.table import EMAIL_LENGTH, IP_LENGTH, USER_AGENT_LENGTH
from keywright.core.db import Database, Handle, Transaction
from keywright.core.ids import new_id
from keywright.core.redaction import redact
from keywright.core.web.caller import Caller

NEWEST = UUID(int=2**128 - 1)
UNPRINTABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


async def record(
    tx: Transaction,
    *,
    event: AuditEvent,
    now: datetime,
    outcome: Outcome = Outcome.SUCCESS,
    actor_id: UUID | None = None,
    subject_id: UUID | None = None,
    session_id: UUID | None = None,
    caller: Caller | None = None,
    email: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> UUID:
    """Write what happens in the transaction that makes it happen.

    `caller` is None for what no request caused. Personal data belongs in `caller` and `email`,
    which can be erased, and never in `details`. `email` is folded, and given where there is no
    account to name: by it the record of somebody who has one later is found again.
    """
    audit_id = new_id(now)
    await repository.insert(
        tx,
        id=audit_id,
        at=now,
        event=event.value,
        outcome=outcome,
        actor_id=actor_id,
        subject_id=subject_id,
        session_id=session_id,
        request_id=caller.request_id if caller else None,
        details=without_secrets(details),
    )
    if caller is not None or email is not None:
        await record_origin(tx, audit_id, caller, email)
    return audit_id


async def record_denial(
    db: Database,
    *,
    event: AuditEvent,
    now: datetime,
    actor_id: UUID | None = None,
    subject_id: UUID | None = None,
    session_id: UUID | None = None,
    caller: Caller | None = None,
    email: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> UUID:
    """Commit the record of a refusal by itself, because the refusal rolls all else back.

    Call it outside of any transaction, before the error is raised.
    """
    async with db.transaction() as tx:
        return await record(
            tx,
            event=event,
            now=now,
            outcome=Outcome.DENIED,
            actor_id=actor_id,
            subject_id=subject_id,
            session_id=session_id,
            caller=caller,
            email=email,
            details=details,
        )


async def list_for_user(
    db: Handle, user_id: UUID, *, limit: int = 50, before: UUID | None = None
) -> AuditPage:
    """What concerns this account, the newest first, by keyset: `before` is a record's id."""
    rows = await repository.list_for_subject(db, user_id, before=before or NEWEST, size=limit + 1)
    items = tuple(rows[:limit])
    return AuditPage(items, items[-1].id if len(rows) > limit else None)


async def count_for_user(db: Handle, user_id: UUID) -> int:
    return await repository.count_for_subject(db, user_id)


async def erase_origins(tx: Transaction, user_id: UUID, email: str) -> int:
    """Forget from where, and under which address, an account acted, also before it was made:
    `email` is its folded address. The records stay.
    """
    return await repository.erase_origins(tx, user_id, storable(email, EMAIL_LENGTH))


async def record_origin(
    tx: Transaction, audit_id: UUID, caller: Caller | None, email: str | None
) -> None:
    await repository.insert_origin(
        tx,
        audit_id=audit_id,
        ip=storable(caller.ip if caller else None, IP_LENGTH),
        email=storable(email, EMAIL_LENGTH),
        user_agent=storable(caller.user_agent if caller else None, USER_AGENT_LENGTH),
    )


def without_secrets(details: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The record is kept for years and exported: no secret gets into it by accident."""
    return None if details is None else dict(msgspec.to_builtins(redact(details)))


def storable(text: str | None, length: int) -> str | None:
    """What a stranger sent, cut to its column: a denial must never fail to be recorded."""
    if text is None:
        return None
    return text.translate(UNPRINTABLE)[:length]
