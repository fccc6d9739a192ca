"""A person, or an administrator, keeps an account that was about to be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from msgspec.structs import replace

from keywright.accounts.closings import service as closings
from keywright.accounts.closings.errors import NotClosing
from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.accounts.link_tokens.models import LinkPurpose
from keywright.accounts.users import service as users
from keywright.audit.models import AuditEvent
from keywright.core.db import Transaction
from keywright.core.events import UserReopened
from keywright.core.principal import Principal
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.core.web.device_name import device_name
from keywright.flows.administrators import Actor, administering
from keywright.flows.close_account import ClosingPreview, record
from keywright.outbox.channels.mail.mails import DeletionCancelled

if TYPE_CHECKING:
    from keywright.core.context import Context


async def preview_cancellation(kw: Context, token: str) -> ClosingPreview:
    """Whose account the link keeps, without using it. Raises `InvalidLink`."""
    link = await link_tokens.peek(kw.db, token, LinkPurpose.CANCEL_DELETION, kw.clock.now())
    assert link.user_id is not None
    user = await users.find(kw.db, link.user_id)
    closing = await closings.find(kw.db, link.user_id)
    if user is None or closing is None:
        raise InvalidLink
    return ClosingPreview(user.email, closing.deletes_at)


async def preview_own_cancellation(kw: Context, principal: Principal) -> ClosingPreview:
    """Of the person who is signed in. Raises `NotClosing`."""
    assert principal.user is not None
    closing = await closings.find(kw.db, principal.user.id)
    if closing is None:
        raise NotClosing
    return ClosingPreview(principal.user.email, closing.deletes_at)


async def cancel_by_link(kw: Context, token: str, caller: Caller) -> None:
    """The account stays. Raises `InvalidLink`."""
    await kw.limits.hit(limits.CANCEL_DELETION, caller.network)
    link = await link_tokens.peek(kw.db, token, LinkPurpose.CANCEL_DELETION, kw.clock.now())
    assert link.user_id is not None
    async with kw.db.transaction(alone=kw.hooks.has_on(UserReopened)) as tx:
        await users.hold(tx, link.user_id)  # where a purge, and another cancelling, wait
        await refuse_disabled(tx, link.user_id)
        await link_tokens.use(tx, token, LinkPurpose.CANCEL_DELETION, kw.clock.now())
        await cancel(kw, tx, link.user_id, Actor(link.user_id, caller))


async def refuse_disabled(tx: Transaction, user_id: UUID) -> None:
    """The link outlives a sign-out by administrators, who alone decide on whom they disabled."""
    user = await users.find(tx, user_id)
    if user is None or not user.may_sign_in:
        raise InvalidLink


async def cancel_by_session(kw: Context, principal: Principal, caller: Caller) -> None:
    """The account stays; a deletion that was only asked for is forgotten. Raises `NotClosing`."""
    assert principal.user is not None
    user_id = principal.user.id
    await kw.limits.hit(limits.CANCEL_DELETION, caller.network)
    async with kw.db.transaction(alone=kw.hooks.has_on(UserReopened)) as tx:
        await users.hold(tx, user_id)
        if await withdraw_request(kw, tx, user_id):
            return
        await cancel(kw, tx, user_id, Actor(user_id, caller))


async def withdraw_request(kw: Context, tx: Transaction, user_id: UUID) -> bool:
    """Forget the link that would have confirmed it. False where there is none."""
    now = kw.clock.now()
    if not await link_tokens.find_newest(tx, user_id, LinkPurpose.CONFIRM_DELETION, now):
        return False
    await link_tokens.drop_purpose(tx, user_id, LinkPurpose.CONFIRM_DELETION)
    return True


async def cancel_for_owner(kw: Context, user_id: UUID, actor: Actor) -> None:
    """An administrator keeps the account. Raises `NotClosing`, and what `administering` does."""
    event = AuditEvent.DELETION_CANCELLED
    async with administering(kw, actor, user_id, event, UserReopened) as change:
        await cancel(kw, change.tx, user_id, actor)


async def cancel(kw: Context, tx: Transaction, user_id: UUID, actor: Actor) -> None:
    """After the account's row is held. Raises `NotClosing`."""
    await reopen(kw, tx, user_id)
    user, caller = await users.get(tx, user_id), actor.caller
    by_administrator = actor.user_id != user_id
    mail = DeletionCancelled(to=user.email, at=kw.clock.now(), by_administrator=by_administrator)
    if caller is not None and not by_administrator:
        mail = replace(mail, network=caller.ip, device=device_name(caller.user_agent))
    await kw.outbox.mail(tx, mail)
    await record(kw, tx, AuditEvent.DELETION_CANCELLED, user, actor)


async def reopen(kw: Context, tx: Transaction, user_id: UUID) -> None:
    """The account is as before, and the links about its deletion are dead. Raises `NotClosing`."""
    now = kw.clock.now()
    await closings.cancel(tx, user_id)
    await users.reopen(tx, user_id, now)
    for purpose in (LinkPurpose.CONFIRM_DELETION, LinkPurpose.CANCEL_DELETION):
        await link_tokens.drop_purpose(tx, user_id, purpose)
    await kw.notices.changed(tx, user_id, now)
    await kw.hooks.emit(tx, UserReopened(at=now, user_id=user_id))
