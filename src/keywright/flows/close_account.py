"""A person closes their account: asks for it, and confirms it by the mailed link."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from keywright.accounts.closings import service as closings
from keywright.accounts.closings.models import Closing
from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.accounts.link_tokens.models import LinkPurpose, LinkToken
from keywright.accounts.users import service as users
from keywright.accounts.users.models import UserRecord
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.db import Handle, Transaction
from keywright.core.errors import SessionEnded, TooManyRequests
from keywright.core.events import SessionRevoked, UserClosing
from keywright.core.principal import Principal
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.core.web.device_name import device_name
from keywright.flows.administrators import Actor, recorded_denials
from keywright.flows.manage_sessions import end_every_session
from keywright.outbox.channels.mail.mails import ConfirmDeletion, DeletionConfirmed

if TYPE_CHECKING:
    from keywright.core.context import Context


class DeletionState(StrEnum):
    NONE = "none"
    REQUESTED = "requested"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class DeletionStatus:
    """`confirm_before` is when the mailed link ends, `deletes_at` when the account is purged."""

    state: DeletionState
    confirm_before: datetime | None = None
    confirmed_at: datetime | None = None
    deletes_at: datetime | None = None


async def request_deletion(kw: Context, principal: Principal, caller: Caller) -> datetime:
    """Mail the link that confirms it; answers until when that works. Nothing is deleted by it.

    Raises `LastAdministrator`, `TooManyRequests`.
    """
    assert principal.user is not None
    user_id = principal.user.id
    await kw.limits.hit(limits.REQUEST_DELETION, caller.network)
    actor = Actor(user_id, caller)
    async with (
        recorded_denials(kw, actor, AuditEvent.DELETION_REQUESTED, user_id),
        kw.db.transaction() as tx,
    ):
        await users.lock(tx, user_id)
        user = await users.get(tx, user_id)
        if not user.active:
            raise SessionEnded
        await users.refuse_last_administrator(tx, user_id)
        await refuse_many_mails(kw, tx, user)
        expires_at = await mail_link(kw, tx, user, caller)
        await record(kw, tx, AuditEvent.DELETION_REQUESTED, user, actor)
    return expires_at


async def mail_link(kw: Context, tx: Transaction, user: UserRecord, caller: Caller) -> datetime:
    """The link that confirms it, in place of an earlier one; answers until when it works."""
    now, purpose = kw.clock.now(), LinkPurpose.CONFIRM_DELETION
    await link_tokens.drop_purpose(tx, user.id, purpose)
    token, expires_at = await link_tokens.create(tx, purpose=purpose, user_id=user.id, now=now)
    mail = ConfirmDeletion(
        to=user.email,
        at=now,
        network=caller.ip,
        device=device_name(caller.user_agent),
        token=token,
        expires_at=expires_at,
    )
    await kw.outbox.mail(tx, mail)
    return expires_at


async def refuse_many_mails(kw: Context, tx: Transaction, user: UserRecord) -> None:
    """Who has a session cannot fill its owner's mailbox. Raises `TooManyRequests`."""
    if not await kw.limits.mail_allowed(tx, user.email_folded, limits.DELETION_MAIL):
        burst, _ = limits.DELETION_MAIL
        raise TooManyRequests(burst.per_seconds)


@dataclass(frozen=True, slots=True)
class ClosingPreview:
    """Whose account, and until when it can be kept."""

    email: str
    deletes_at: datetime


async def preview_confirmation(kw: Context, token: str) -> ClosingPreview:
    """Whose account the link deletes, without using it. Raises `InvalidLink`."""
    user = await find_confirming(kw, token)
    return ClosingPreview(user.email, await end_of_grace(kw, kw.db, user.id, kw.clock.now()))


async def find_confirming(kw: Context, token: str) -> UserRecord:
    link = await link_tokens.peek(kw.db, token, LinkPurpose.CONFIRM_DELETION, kw.clock.now())
    user = await users.find(kw.db, link.user_id) if link.user_id else None
    if user is None or not user.active:
        raise InvalidLink
    return user


async def confirm_deletion(
    kw: Context, token: str, principal: Principal | None, caller: Caller
) -> Closing:
    """The account closes: every session ends but the one that confirms, and the grace begins.

    Raises `InvalidLink`, `LastAdministrator`.
    """
    await kw.limits.hit(limits.CONFIRM_DELETION, caller.network)
    user = await find_confirming(kw, token)
    actor = Actor(user.id, caller)
    async with (
        recorded_denials(kw, actor, AuditEvent.DELETION_CONFIRMED, user.id),
        kw.db.transaction(alone=kw.hooks.has_on(UserClosing, SessionRevoked)) as tx,
    ):
        now = kw.clock.now()
        await users.lock(tx, user.id)
        await link_tokens.use(tx, token, LinkPurpose.CONFIRM_DELETION, now)
        closing = await begin_closing(kw, tx, user.id, now)
        await end_other_credentials(kw, tx, user.id, own_session(principal, user.id))
        await mail_way_back(kw, tx, await users.get(tx, user.id), closing, caller)
        await record(kw, tx, AuditEvent.DELETION_CONFIRMED, user, actor)
        await kw.hooks.emit(tx, UserClosing(at=now, user_id=user.id, deletes_at=closing.deletes_at))
    return closing


async def begin_closing(kw: Context, tx: Transaction, user_id: UUID, now: datetime) -> Closing:
    if not await users.begin_closing(tx, user_id, now):
        raise InvalidLink
    await kw.notices.changed(tx, user_id, now)
    return await closings.begin(tx, user_id, now, await end_of_grace(kw, tx, user_id, now))


async def end_of_grace(kw: Context, db: Handle, user_id: UUID, now: datetime) -> datetime:
    undos = await link_tokens.list_undos(db, user_id, now)
    grace = timedelta(seconds=kw.settings.deletion_grace)
    return outlast(undos, now + grace)


def outlast(undos: Iterable[LinkToken], deletes_at: datetime) -> datetime:
    """Not before the last link ends that undoes a change of the e-mail address: who took an account
    over does not get rid of it while its owner can still take it back.
    """
    return max([deletes_at, *(link.expires_at for link in undos)])


def own_session(principal: Principal | None, user_id: UUID) -> UUID | None:
    """The session that shows the link, where it is the account's own."""
    if principal is None or principal.user is None or principal.user.id != user_id:
        return None
    return principal.session_id


async def end_other_credentials(
    kw: Context, tx: Transaction, user_id: UUID, keep: UUID | None
) -> None:
    """Whoever else is in the account is out; links that were mailed before are dead."""
    await link_tokens.drop_all(tx, user_id)
    await end_every_session(kw, tx, user_id, keep=keep)


async def mail_way_back(
    kw: Context, tx: Transaction, user: UserRecord, closing: Closing, caller: Caller
) -> None:
    token, expires_at = await link_tokens.create(
        tx,
        purpose=LinkPurpose.CANCEL_DELETION,
        user_id=user.id,
        now=closing.confirmed_at,
        expires_at=closing.deletes_at,
    )
    await kw.outbox.mail(
        tx,
        DeletionConfirmed(
            to=user.email,
            at=closing.confirmed_at,
            network=caller.ip,
            device=device_name(caller.user_agent),
            token=token,
            expires_at=expires_at,
        ),
    )


async def read_status(kw: Context, principal: Principal) -> DeletionStatus:
    assert principal.user is not None
    user_id, now = principal.user.id, kw.clock.now()
    closing = await closings.find(kw.db, user_id)
    if closing is not None:
        return DeletionStatus(
            DeletionState.CLOSING,
            confirmed_at=closing.confirmed_at,
            deletes_at=closing.deletes_at,
        )
    link = await link_tokens.find_newest(kw.db, user_id, LinkPurpose.CONFIRM_DELETION, now)
    if link is not None:
        return DeletionStatus(DeletionState.REQUESTED, confirm_before=link.expires_at)
    return DeletionStatus(DeletionState.NONE)


async def record(
    kw: Context,
    tx: Transaction,
    event: AuditEvent,
    user: UserRecord,
    actor: Actor,
) -> None:
    await audit.record(
        tx,
        event=event,
        actor_id=actor.user_id,
        subject_id=user.id,
        caller=actor.caller,
        now=kw.clock.now(),
    )
