from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from keywright.core.crypto import SEALED_HEADER_LENGTH
from keywright.core.db import Handle, Statement
from keywright.outbox.models import (
    Count,
    DueMessage,
    Message,
    ParkedMessage,
    SealedMessage,
    SealedPayload,
    WaitingMessages,
)
from keywright.outbox.table import outbox

waiting = outbox.alias("waiting")

# Expired messages are taken too, whenever they were due: only so are they erased in time.
TAKEABLE = sa.and_(
    sa.or_(
        waiting.c.due_at <= sa.bindparam("now"),
        waiting.c.expires_at <= sa.bindparam("now"),
    ),
    sa.or_(
        waiting.c.lease_until.is_(None),
        waiting.c.lease_until <= sa.bindparam("now"),
    ),
)

INSERT = Statement(
    sa.insert(outbox).values(
        id=sa.bindparam("id"),
        kind=sa.bindparam("kind"),
        payload=sa.bindparam("payload"),
        created_at=sa.bindparam("created_at"),
        due_at=sa.bindparam("due_at"),
        attempts=0,
        expires_at=sa.bindparam("expires_at"),
    )
)

# Read before CLAIM writes: with nothing to do, a poll takes no lock.
FIND_DUE = Statement(
    sa.select(waiting.c.id).where(TAKEABLE).limit(1),
    row=DueMessage,
)

# One row a claim and `=`: PostgreSQL may run an IN (… LIMIT … FOR UPDATE) more than once.
CLAIM = Statement(
    sa.update(outbox)
    .where(
        outbox.c.id
        == sa.select(waiting.c.id)
        .where(TAKEABLE)
        .order_by(waiting.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    .values(lease_until=sa.bindparam("lease_until"), attempts=outbox.c.attempts + 1)
    .returning(
        outbox.c.id,
        outbox.c.kind,
        outbox.c.payload,
        outbox.c.created_at,
        outbox.c.attempts,
        outbox.c.expires_at,
    ),
    row=SealedMessage,
)

ERASE = Statement(
    sa.delete(outbox).where(
        outbox.c.id == sa.bindparam("id"),
        outbox.c.attempts == sa.bindparam("attempts"),
    )
)

PUT_BACK = Statement(
    sa.update(outbox)
    .where(
        outbox.c.id == sa.bindparam("message_id"),
        outbox.c.attempts == sa.bindparam("seen_attempts"),
    )
    .values(
        due_at=sa.bindparam("due_at"),
        lease_until=None,
        last_error=sa.bindparam("last_error"),
    )
)

COUNTED: tuple[sa.Label[Any], ...] = (
    sa.func.count(outbox.c.due_at).label("waiting"),
    sa.func.count().filter(outbox.c.due_at.is_(None)).label("parked"),
    sa.func.min(outbox.c.created_at).filter(outbox.c.due_at.is_not(None)).label("oldest"),
)
COUNT = Statement(sa.select(*COUNTED).select_from(outbox), row=WaitingMessages)

PARKED = Statement(
    sa.select(
        outbox.c.id,
        outbox.c.kind,
        outbox.c.created_at,
        outbox.c.attempts,
        outbox.c.last_error,
    )
    .where(outbox.c.due_at.is_(None))
    .order_by(outbox.c.id.desc())
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    row=ParkedMessage,
)

UNPARK = Statement(
    sa.update(outbox)
    .where(outbox.c.id == sa.bindparam("message_id"), outbox.c.due_at.is_(None))
    .values(due_at=sa.bindparam("due_at"))
)

# `header` is what a value sealed under the current master secret begins with.
SEALED_BEFORE = sa.func.substr(
    outbox.c.payload, 1, SEALED_HEADER_LENGTH, type_=sa.LargeBinary
) != sa.bindparam("header", type_=sa.LargeBinary)

FIND_SEALED_BEFORE = Statement(
    sa.select(outbox.c.id, outbox.c.payload)
    .where(SEALED_BEFORE)
    .order_by(outbox.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    row=SealedPayload,
)

PAYLOADS = Statement(
    sa.select(outbox.c.id, outbox.c.payload)
    .where(outbox.c.id > sa.bindparam("after"))
    .order_by(outbox.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    row=SealedPayload,
)

# One that is being worked on is left to who does: to wait for it, while it may wait for an account
# that is held here, would be a deadlock.
DELETE_IDLE = Statement(
    sa.delete(outbox).where(
        outbox.c.id
        == sa.select(waiting.c.id)
        .where(waiting.c.id == sa.bindparam("message_id"))
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
)

COUNT_SEALED_BEFORE = Statement(
    sa.select(sa.func.count(outbox.c.id).label("rows")).where(SEALED_BEFORE), row=Count
)

REWRAP = Statement(
    sa.update(outbox)
    .where(outbox.c.id == sa.bindparam("message_id"), outbox.c.payload == sa.bindparam("seen"))
    .values(payload=sa.bindparam("sealed"))
)


async def erase(handle: Handle, message: SealedMessage | Message) -> bool:
    """Delete the row with its secrets; False when another courier holds it by now."""
    return await handle.run(ERASE, id=message.id, attempts=message.attempts) == 1
