from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from keywright.core.crypto import (
    SEALED_VERSION,
    CannotOpen,
    MasterSecrets,
    Purpose,
    Rewrapped,
)
from keywright.core.db import Handle, Transaction
from keywright.core.ids import new_id
from keywright.outbox import repository
from keywright.outbox.errors import MessageNotParked
from keywright.outbox.models import (
    Backlog,
    Message,
    ParkedMessage,
    SealedMessage,
    SealedPayload,
)

NOBODY = UUID(int=0)
PAGE = 200


async def enqueue(
    tx: Transaction,
    secrets: MasterSecrets,
    *,
    kind: str,
    payload: Mapping[str, Any],
    now: datetime,
    expires_at: datetime | None = None,
    due_at: datetime | None = None,
) -> UUID:
    """Write a message with the change that causes it; it is delivered after the COMMIT.

    `payload` is JSON and may hold secrets: it is sealed. After `expires_at` it is erased undone.
    A courier finds it at its next poll; `OutboxWriter` also wakes the one of this process.
    """
    message_id = new_id(now)
    await tx.run(
        repository.INSERT,
        id=message_id,
        kind=kind,
        payload=seal_payload(secrets, message_id, payload),
        created_at=now,
        due_at=due_at or now,
        expires_at=expires_at,
    )
    return message_id


def seal_payload(secrets: MasterSecrets, message_id: UUID, payload: Mapping[str, Any]) -> bytes:
    """The payload as it is stored: AEAD, bound to its row."""
    plaintext = msgspec.json.encode(payload)
    return secrets.seal(Purpose.OUTBOX, plaintext, context=row_context(message_id))


def row_context(message_id: UUID) -> bytes:
    """The associated data: a payload that was moved to another row cannot be opened there."""
    return message_id.bytes


def open_message(secrets: MasterSecrets, row: SealedMessage) -> Message:
    """Raises `CannotOpen` when no master secret of ours sealed this row's payload."""
    plaintext = secrets.open(Purpose.OUTBOX, row.payload, context=row_context(row.id))
    return Message(
        id=row.id,
        kind=row.kind,
        payload=msgspec.json.decode(plaintext, type=dict[str, Any]),
        created_at=row.created_at,
        attempts=row.attempts,
        expires_at=row.expires_at,
    )


async def backlog(db: Handle, now: datetime) -> Backlog:
    counted = await db.one(repository.COUNT)
    if counted is None or counted.oldest is None:
        return Backlog(depth=0, oldest_age=timedelta(0), parked=counted.parked if counted else 0)
    return Backlog(depth=counted.waiting, oldest_age=now - counted.oldest, parked=counted.parked)


async def list_parked(db: Handle, *, limit: int = 50) -> list[ParkedMessage]:
    """What was given up, the newest first, each with its reason."""
    return await db.many(repository.PARKED, limit=limit)


async def retry_parked(tx: Handle, message_id: UUID, *, now: datetime) -> None:
    """Try a parked message again. Raises `MessageNotParked`."""
    if not await tx.run(repository.UNPARK, message_id=message_id, due_at=now):
        raise MessageNotParked


async def erase_concerning(
    tx: Transaction, secrets: MasterSecrets, concerns: Callable[[Mapping[str, Any]], bool]
) -> int:
    """Delete what waits, parked or not, and whose payload `concerns` somebody; answers how many.

    A payload says whom it is about only once it is opened; one that cannot be is nobody's to read.
    """
    erased, after = 0, NOBODY
    while rows := await tx.many(repository.PAYLOADS, after=after, limit=PAGE):
        after = rows[-1].id
        for row in rows:
            payload = open_payload(secrets, row)
            if payload is not None and concerns(payload):
                erased += await tx.run(repository.DELETE_IDLE, message_id=row.id)
    return erased


def open_payload(secrets: MasterSecrets, row: SealedPayload) -> dict[str, Any] | None:
    try:
        plaintext = secrets.open(Purpose.OUTBOX, row.payload, context=row_context(row.id))
    except CannotOpen:
        return None
    return msgspec.json.decode(plaintext, type=dict[str, Any])


async def rewrap_payloads(tx: Transaction, secrets: MasterSecrets, *, limit: int) -> Rewrapped:
    """Seal up to `limit` payloads again under the current master secret.

    Raises `CannotOpen` for one whose master secret is no longer configured.
    """
    header = SEALED_VERSION + secrets.generation
    rewrapped = 0
    for row in await tx.many(repository.FIND_SEALED_BEFORE, header=header, limit=limit):
        context = row_context(row.id)
        plaintext = secrets.open(Purpose.OUTBOX, row.payload, context=context)
        sealed = secrets.seal(Purpose.OUTBOX, plaintext, context=context)
        rewrapped += await tx.run(
            repository.REWRAP, message_id=row.id, seen=row.payload, sealed=sealed
        )
    remaining = await tx.one(repository.COUNT_SEALED_BEFORE, header=header)
    return Rewrapped(rewrapped=rewrapped, remaining=remaining.rows if remaining else 0)
