from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from keywright.core.crypto import MasterSecrets, Purpose
from keywright.core.db import Database, Handle, Transaction
from keywright.core.idempotency import repository
from keywright.core.idempotency.errors import IdempotencyKeyReused, StillRunning
from keywright.core.idempotency.models import Call, Claim, Done, StoredKey
from keywright.core.ids import new_id

KEPT = timedelta(hours=24)
AT_WORK = timedelta(minutes=1)  # after which a process is taken for dead that claimed a key

sweep = repository.sweep


async def begin(db: Database, secrets: MasterSecrets, call: Call, now: datetime) -> Claim | Done:
    """A claim, committed before any work is done, or what the first call made.

    Raises `IdempotencyKeyReused` for another body, `StillRunning` while the first call is at work.
    """
    claim = Claim(digest(call), new_id(now))
    claimed = await repository.claim(
        db,
        key=claim.key,
        request=secrets.mac(Purpose.IDEMPOTENCY, call.body),
        holder=claim.holder,
        expires_at=now + AT_WORK,
        now=now,
    )
    if claimed:
        return claim
    stored = await repository.find(db, claim.key, now)
    if stored is None:  # given up just now
        raise StillRunning
    refuse_other_body(secrets, stored, call.body)
    if stored.status is None or stored.resource_id is None:
        raise StillRunning
    return Done(stored.status, stored.resource_id)


async def finish(
    tx: Transaction, claim: Claim, *, status: int, resource_id: UUID, now: datetime
) -> None:
    """In the transaction of the work, so that both are kept or neither is.

    Raises `StillRunning` when it took so long that another call has the key now.
    """
    finished = await repository.finish(
        tx,
        key=claim.key,
        holder=claim.holder,
        status=status,
        resource_id=resource_id,
        expires_at=now + KEPT,
    )
    if not finished:
        raise StillRunning


async def give_up(db: Handle, claim: Claim) -> None:
    """After work that failed: the call may be tried again. What was finished stays."""
    await repository.give_up(db, claim.key, claim.holder)


def refuse_other_body(secrets: MasterSecrets, stored: StoredKey, body: bytes) -> None:
    """Compared by a MAC: a plain digest of a body with a password in it could be guessed at."""
    if not secrets.verify_mac(Purpose.IDEMPOTENCY, body, stored.request):
        raise IdempotencyKeyReused


def digest(call: Call) -> bytes:
    """Of principal, method, path and key: one person's key says nothing about another's."""
    parts = (call.principal.hex, call.method, call.path, call.key)
    return hashlib.sha256("\0".join(parts).encode()).digest()
