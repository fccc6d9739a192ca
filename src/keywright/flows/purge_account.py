"""The one way to empty an account: for an administrator at once, for its owner after the grace."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keywright.accounts.closings import service as closings
from keywright.accounts.closings.models import Closing
from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.passwords import throttle
from keywright.accounts.registrations import service as registrations
from keywright.accounts.users import service as users
from keywright.accounts.users.addresses import fold_email
from keywright.accounts.users.models import UserRecord
from keywright.accounts.users.reservations import service as reservations
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.db import Transaction
from keywright.core.errors import KeywrightError
from keywright.core.events import SessionRevoked, UserDeleted, UserDeleting
from keywright.core.log import get_logger
from keywright.flows.end_credentials import end_every_credential
from keywright.outbox.channels.mail.mails import AccountDeleted
from keywright.sessions.devices import service as devices

if TYPE_CHECKING:
    from keywright.core.context import Context

GOODBYE_LIVES = timedelta(days=3)  # then the address is forgotten, whether the mail arrived or not
PURGE_EVENTS = (UserDeleting, UserDeleted, SessionRevoked)
OURS = Path(__file__).parents[1]
log = get_logger("keywright.purge")


async def purge_due(kw: Context) -> int:
    """Purge what is due; answers how many. Any number of processes may do so at once."""
    purged = 0
    while (taken := await closings.take_due(kw.db, kw.clock.now())) is not None:
        purged += await try_to_purge(kw, taken)
    return purged


async def try_to_purge(kw: Context, taken: Closing) -> bool:
    """False when it failed, which is written down, and tried again later."""
    try:
        purged = await purge_taken(kw, taken)
    except Exception as error:  # noqa: BLE001 - whatever one account does, the others go on
        await record_failure(kw, taken, error)
        return False
    if purged:
        log.info("account_purged", user_id=taken.user_id, attempt=taken.attempts)
    return purged


async def record_failure(kw: Context, taken: Closing, error: Exception) -> None:
    reason = describe_failure(error)
    log.warning("purge_failed", user_id=taken.user_id, attempt=taken.attempts, error=reason)
    await closings.put_back(kw.db, taken, kw.clock.now(), reason)


async def purge_taken(kw: Context, taken: Closing) -> bool:
    """All of it or nothing. False when its owner, or another process, was faster."""
    async with kw.db.transaction(alone=kw.hooks.has_on(*PURGE_EVENTS)) as tx:
        await users.hold(tx, taken.user_id)
        if not await closings.still_holds(tx, taken):
            return False
        record = await users.get(tx, taken.user_id)
        await purge(kw, tx, record)
        await say_goodbye(kw, tx, record, by_administrator=False)
        await audit.record(
            tx, event=AuditEvent.USER_DELETED, subject_id=record.id, now=kw.clock.now()
        )
    return True


async def purge(kw: Context, tx: Transaction, record: UserRecord) -> None:
    """Erase who it was and leave a tombstone, so that a host's foreign keys hold; the address may
    sign up again. The application goes first, while the account can still be read.

    After the account's row is held. Raises what a hook raises, and `LastAdministrator`.
    """
    now = kw.clock.now()
    await kw.hooks.emit(tx, UserDeleting(at=now, user_id=record.id))
    addresses = await addresses_of(kw, tx, record)
    await users.erase(tx, record.id, now)
    await closings.drop(tx, record.id)
    await end_every_credential(kw, tx, record.id)
    await forget_what_hangs_on_it(tx, record)
    for address in addresses:
        await forget_address(tx, record, address)
    await kw.outbox.erase(tx, partial(mentions, addresses))
    await kw.hooks.emit(tx, UserDeleted(at=now, user_id=record.id))


async def addresses_of(kw: Context, tx: Transaction, record: UserRecord) -> frozenset[str]:
    """Folded: the one that it has, and those that it left and might still come back to."""
    undos = await link_tokens.list_undos(tx, record.id, kw.clock.now())
    left = [fold_email(link.email) for link in undos if link.email]
    return frozenset([record.email_folded, *left])


async def forget_what_hangs_on_it(tx: Transaction, record: UserRecord) -> None:
    """The row stays as a tombstone, so that no foreign key takes these away."""
    await link_tokens.forget(tx, record.id)
    await reservations.release_all(tx, record.id)
    await devices.forget_all(tx, record.id)


async def forget_address(tx: Transaction, record: UserRecord, address: str) -> None:
    """Counters by network, and those of known browsers, hold digests and end within the day."""
    await registrations.drop_all_for(tx, address)
    await throttle.clear_failures(tx, account=address, device=None)
    await audit.erase_origins(tx, record.id, address)


def mentions(addresses: Collection[str], payload: Any) -> bool:
    """Whether a message goes to one of these addresses, or tells it to somebody."""
    if isinstance(payload, str):
        return "@" in payload and fold_email(payload) in addresses
    if isinstance(payload, Mapping):
        return any(mentions(addresses, value) for value in payload.values())
    if isinstance(payload, list):
        return any(mentions(addresses, value) for value in payload)
    return False


async def say_goodbye(
    kw: Context, tx: Transaction, record: UserRecord, *, by_administrator: bool
) -> None:
    """To an address that its owner proved: to confirm a deletion is to prove it, too."""
    if by_administrator and record.email_verified_at is None:
        return
    now = kw.clock.now()
    mail = AccountDeleted(
        to=record.email, at=now, expires_at=now + GOODBYE_LIVES, by_administrator=by_administrator
    )
    await kw.outbox.mail(tx, mail)


def describe_failure(error: BaseException) -> str:
    """What administrators may read of it: of what the application raised only type and place, as
    its text may repeat anybody's data.
    """
    if isinstance(error, KeywrightError):
        return type(error).detail
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if is_of_the_application(frame.filename)] or frames
    place = f" in {theirs[-1].name}, line {theirs[-1].lineno}" if theirs else ""
    return f"{type(error).__name__}{place}."


def is_of_the_application(filename: str) -> bool:
    path = Path(filename)
    return not path.is_relative_to(OURS) and "site-packages" not in path.parts
