"""An administrator changes the signing keys, or wraps what is stored under a new master secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.crypto import Rewrapped
from keywright.core.db import Transaction
from keywright.core.errors import Conflict
from keywright.flows.administrators import Actor
from keywright.keys import service as keys
from keywright.keys.models import SigningKey
from keywright.outbox import service as outbox

if TYPE_CHECKING:
    from keywright.core.context import Context

BATCH = 100


class RotatedMeanwhile(Conflict):
    code = "keys_rotated_meanwhile"
    title = "Somebody else rotated the keys"
    detail = "Another process rotated the signing keys at this moment; this call changed nothing."


async def rotate_signing_key(kw: Context, actor: Actor) -> SigningKey:
    """Publish the next key. It signs once caches know it; the earlier ones end after it.

    Raises `RotatedMeanwhile`.
    """
    newest = await newest_key(kw)
    prepared = keys.prepare_next_key(newest, secrets=kw.secrets, now=kw.clock.now())
    async with kw.db.transaction() as tx:
        ttl = kw.settings.access_token_ttl
        if not await keys.rotate_signing_key(tx, prepared, access_token_ttl=ttl):
            raise RotatedMeanwhile
        await note(kw, tx, prepared, actor, reason="rotation")
    return prepared


async def replace_leaked_keys(kw: Context, actor: Actor) -> SigningKey:
    """Withdraw every key now: what they signed is refused, and clients refresh.

    Raises `RotatedMeanwhile`.
    """
    newest = await newest_key(kw)
    prepared = keys.prepare_replacement(newest, secrets=kw.secrets, now=kw.clock.now())
    async with kw.db.transaction() as tx:
        if not await keys.replace_leaked_keys(tx, prepared):
            raise RotatedMeanwhile
        await note(kw, tx, prepared, actor, reason="leak")
    return prepared


async def newest_key(kw: Context) -> SigningKey:
    await keys.ensure_first_key(kw.db, secrets=kw.secrets, now=kw.clock.now())
    newest = await keys.find_newest_key(kw.db)
    assert newest is not None
    return newest


async def rewrap_signing_keys(kw: Context) -> AsyncIterator[Rewrapped]:
    """Batch by batch, until all private keys are sealed under the current master secret.

    Raises `CannotOpen`.
    """
    while True:
        async with kw.db.transaction() as tx:
            batch = await keys.rewrap_private_keys(tx, secrets=kw.secrets, limit=BATCH)
        yield batch
        if not batch.remaining:
            return


async def rewrap_messages(kw: Context) -> AsyncIterator[Rewrapped]:
    """The same for the messages that wait in the outbox."""
    while True:
        async with kw.db.transaction() as tx:
            batch = await outbox.rewrap_payloads(tx, kw.secrets, limit=BATCH)
        yield batch
        if not batch.remaining:
            return


async def note(kw: Context, tx: Transaction, key: SigningKey, actor: Actor, *, reason: str) -> None:
    await audit.record(
        tx,
        event=AuditEvent.SIGNING_KEY_ROTATED,
        actor_id=actor.user_id,
        details={"kid": key.kid, "reason": reason},
        caller=actor.caller,
        now=kw.clock.now(),
    )
