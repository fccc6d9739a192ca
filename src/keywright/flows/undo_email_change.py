"""The owner of an address that an account had takes the account back.

A thief who is in somebody's account gives it his own address, then another password. The address
before was mailed a link (`confirm_email_change.offer_way_back`) that works for 72 hours, whatever
else is changed meanwhile. Of several such changes, A → B → C:

- A's link brings A back. B and C were later: B's link dies, and neither address is kept any more.
- B's link brings B back. A's link goes on working, for A was there before: of two who both claim
  the account, the earlier address wins. So no thief can undo the undoing, whatever addresses he
  gave the account in between.
- Nothing offers a way back to the address that an undo took away.

What was proven about the person is the address alone: the password, every session, mailed link and
known device is gone, also a deletion that was asked for, and what comes next is a new password.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.accounts.link_tokens.models import LinkPurpose, LinkToken
from keywright.accounts.passwords import throttle
from keywright.accounts.registrations import service as registrations
from keywright.accounts.users import service as users
from keywright.accounts.users.models import UserRecord
from keywright.accounts.users.reservations import service as reservations
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.db import Transaction
from keywright.core.events import SessionRevoked, UserEmailChanged, UserReopened, UserUpdated
from keywright.core.principal import UserStatus
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.core.web.device_name import device_name
from keywright.flows.administrators import Actor
from keywright.flows.close_account import record as record_closing
from keywright.flows.confirm_email_change import is_proven, tell_of_email_change
from keywright.flows.end_credentials import end_every_credential
from keywright.flows.keep_account import reopen
from keywright.outbox.channels.mail.mails import SecurityNotice
from keywright.sessions.devices import service as devices

if TYPE_CHECKING:
    from keywright.core.context import Context


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """What a page says before the button: which address comes back, and which one goes."""

    email: str
    current_email: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """`reset_token` chooses the new password, until `expires_at`."""

    email: str
    reset_token: str = field(repr=False)
    expires_at: datetime


async def preview_undo(kw: Context, token: str) -> UndoPreview:
    """Look without using. Raises `InvalidLink`."""
    link, user = await find_undo(kw, token)
    assert link.email is not None
    return UndoPreview(link.email, user.email)


async def find_undo(kw: Context, token: str) -> tuple[LinkToken, UserRecord]:
    link = await link_tokens.peek(kw.db, token, LinkPurpose.UNDO_EMAIL_CHANGE, kw.clock.now())
    user = await users.find(kw.db, link.user_id) if link.user_id else None
    if user is None:
        raise InvalidLink
    refuse_disabled(user)
    return link, user


async def undo_email_change(kw: Context, token: str, caller: Caller) -> TakenBack:
    """Bring the address back that the link was mailed to, and leave nothing to whoever changed it.

    Raises `InvalidLink`.
    """
    await kw.limits.hit(limits.UNDO_EMAIL_CHANGE, caller.network)
    link, found = await find_undo(kw, token)
    assert link.email is not None
    alone = kw.hooks.has_on(UserEmailChanged, UserUpdated, UserReopened, SessionRevoked)
    async with kw.db.transaction(alone=alone) as tx:
        await users.hold(tx, found.id)
        now = kw.clock.now()
        await link_tokens.use(tx, token, LinkPurpose.UNDO_EMAIL_CHANGE, now)
        before = await users.get(tx, found.id)
        refuse_disabled(before)
        changed = await users.set_email(tx, found.id, link.email, now)
        await drop_later_changes(tx, link, now)
        await end_what_others_hold(kw, tx, changed)
        await keep_account(kw, tx, before, caller)
        reset_token, expires_at = await link_tokens.create(
            tx, purpose=LinkPurpose.RESET_PASSWORD, user_id=found.id, now=now
        )
        await tell_both_addresses(kw, tx, before, changed, caller)
        if before.email != changed.email:
            await tell_of_email_change(kw, tx, before, changed)
        await audit.record(
            tx,
            event=AuditEvent.EMAIL_CHANGE_UNDONE,
            actor_id=found.id,
            subject_id=found.id,
            caller=caller,
            now=now,
        )
    return TakenBack(changed.email, reset_token, expires_at)


def refuse_disabled(user: UserRecord) -> None:
    """Looked at again where nobody can change it any more."""
    if not user.may_sign_in:
        raise InvalidLink


async def drop_later_changes(tx: Transaction, link: LinkToken, now: datetime) -> None:
    """The ways back to later addresses die, and those addresses are free; earlier ones stay kept
    for as long as their own links work.
    """
    assert link.user_id is not None
    await link_tokens.drop_undos_since(tx, link.user_id, link.created_at)
    await reservations.release_all(tx, link.user_id)
    for earlier in await link_tokens.list_undos(tx, link.user_id, now):
        assert earlier.email is not None
        await reservations.reserve(tx, link.user_id, earlier.email, earlier.expires_at)


async def end_what_others_hold(kw: Context, tx: Transaction, user: UserRecord) -> None:
    """Whatever signs in to the account: nobody knows which of it its owner made."""
    now = kw.clock.now()
    await users.drop_password(tx, user.id, now)
    await end_every_credential(kw, tx, user.id)
    await devices.forget_all(tx, user.id)
    await registrations.drop_all_for(tx, user.email_folded)
    await throttle.clear_failures(tx, account=user.email_folded, device=None)
    await kw.notices.changed(tx, user.id, now)


async def keep_account(kw: Context, tx: Transaction, before: UserRecord, caller: Caller) -> None:
    """Whoever took the account may have begun to delete it."""
    if before.status is UserStatus.CLOSING:
        await reopen(kw, tx, before.id)
        actor = Actor(before.id, caller)
        await record_closing(kw, tx, AuditEvent.DELETION_CANCELLED, before, actor)


async def tell_both_addresses(
    kw: Context, tx: Transaction, before: UserRecord, changed: UserRecord, caller: Caller
) -> None:
    """The address that is gone hears nothing of where the one that is back was used from: it may be
    a thief's.
    """
    now, name = kw.clock.now(), kw.settings.app_name
    await kw.outbox.mail(
        tx,
        SecurityNotice(
            to=changed.email,
            at=now,
            network=caller.ip,
            device=device_name(caller.user_agent),
            subject=f"Your {name} account has its former e-mail address back",
            what=(
                "The change of your e-mail address was undone. Every device was signed out, and "
                "the password does not work any more: choose a new one."
            ),
        ),
    )
    if is_proven(before) and before.email != changed.email:
        await kw.outbox.mail(
            tx,
            SecurityNotice(
                to=before.email,
                at=now,
                subject=f"Your {name} account does not have this e-mail address any more",
                what=(
                    "The owner of the address that the account had before undid the change, and "
                    "signed every device out."
                ),
                advice=f"ask the people who run {name} for help.",
            ),
        )
