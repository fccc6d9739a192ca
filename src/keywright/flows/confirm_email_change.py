"""The link to the new address is used: the account has that address, and the old one a way back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.accounts.link_tokens.models import LinkPurpose, LinkToken
from keywright.accounts.passwords import throttle
from keywright.accounts.registrations import service as registrations
from keywright.accounts.users import service as users
from keywright.accounts.users.errors import EmailTaken
from keywright.accounts.users.models import UserRecord
from keywright.accounts.users.reservations import service as reservations
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.db import Transaction
from keywright.core.events import SessionRevoked, UserEmailChanged, UserUpdated, UserVerified
from keywright.core.principal import User
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.core.web.device_name import device_name
from keywright.flows.manage_sessions import end_every_session
from keywright.flows.prove_address import (
    LinkHolder,
    LinkPreview,
    hash_new_password,
    is_same_person,
    require_same_person,
)
from keywright.flows.results import present_user
from keywright.outbox.channels.mail.mails import (
    EmailChanged,
)

if TYPE_CHECKING:
    from keywright.core.context import Context


async def preview_email_change(kw: Context, token: str, holder: LinkHolder) -> LinkPreview:
    """Look without using: the new address, and whether a password is needed with it.

    Raises `InvalidLink`.
    """
    link, user = await find_change(kw, token)
    assert link.email is not None
    return LinkPreview(link.email, needs_password(user, holder))


async def find_change(kw: Context, token: str) -> tuple[LinkToken, UserRecord]:
    link = await link_tokens.peek(kw.db, token, LinkPurpose.CHANGE_EMAIL, kw.clock.now())
    user = await users.find(kw.db, link.user_id) if link.user_id else None
    if user is None or not user.active:
        raise InvalidLink
    return link, user


def needs_password(user: UserRecord, holder: LinkHolder) -> bool:
    """Whoever signed up may have typed an address of somebody else, twice: where none was proven
    before, the link alone proves nothing about the password (as in `prove_address`).
    """
    return user.email_verified_at is None and not is_same_person(user, holder)


async def confirm_email_change(
    kw: Context, token: str, holder: LinkHolder, caller: Caller
) -> User[Any]:
    """Give the account its new address. The link is enough, signed in or not.

    Whoever has the link cannot choose a password by it, but where `needs_password` says so. Ends
    every session but the one that asked. Raises `InvalidLink`, `NewPasswordRequired`,
    `WeakPassword`, and `EmailTaken` when somebody else has the address by now: the link then stays
    usable, and everything is as before.
    """
    await kw.limits.hit(limits.CONFIRM_EMAIL_CHANGE, caller.network)
    link, user = await find_change(kw, token)
    assert link.email is not None
    new_hash = None
    if needs_password(user, holder):
        require_same_person(user, holder)
        new_hash = await hash_new_password(kw, link.email, holder, caller)
    alone = kw.hooks.has_on(UserEmailChanged, UserUpdated, UserVerified, SessionRevoked)
    async with kw.db.transaction(alone=alone) as tx:
        before = await hold_unchanged(tx, user)
        await link_tokens.use(tx, token, LinkPurpose.CHANGE_EMAIL, kw.clock.now())
        await put_new_address(kw, tx, before, link.email, caller)
        keep = link.session_id
        if new_hash is not None:
            await users.set_password(tx, before.id, new_hash, kw.clock.now())
            keep = None
        await end_every_session(kw, tx, before.id, keep=keep)
        changed = await users.get(tx, before.id)
        await tell_of_email_change(kw, tx, before, changed)
        await audit.record(
            tx,
            event=AuditEvent.EMAIL_CHANGED,
            actor_id=before.id,
            subject_id=before.id,
            session_id=link.session_id,
            caller=caller,
            now=kw.clock.now(),
        )
    return present_user(kw, changed)


async def hold_unchanged(tx: Transaction, user: UserRecord) -> UserRecord:
    """The account as it is now that nobody else can change it. Raises `InvalidLink` if it was taken
    out of use, or its address proven, since `user` was read: what was decided holds no longer.
    """
    await users.hold(tx, user.id)
    now = await users.find(tx, user.id)
    if now is None or not now.active or is_proven(now) != is_proven(user):
        raise InvalidLink
    return now


def is_proven(user: UserRecord) -> bool:
    return user.email_verified_at is not None


async def put_new_address(
    kw: Context, tx: Transaction, before: UserRecord, email: str, caller: Caller
) -> None:
    """With the old address go the links that were mailed to it; with the new one, the sign-ups that
    waited for it. The old one is told, and kept.
    """
    now = kw.clock.now()
    try:
        changed = await users.set_email(tx, before.id, email, now)
    except EmailTaken:
        raise EmailTaken(
            "Another account has that e-mail address by now. Your account keeps the one it had: "
            "ask for a change to another."
        ) from None
    await link_tokens.drop_all(tx, before.id)
    await registrations.drop_all_for(tx, changed.email_folded)
    await throttle.clear_failures(tx, account=changed.email_folded, device=None)
    await kw.notices.changed(tx, before.id, now)
    if is_proven(before):
        await offer_way_back(kw, tx, before, email, caller)


async def offer_way_back(
    kw: Context, tx: Transaction, before: UserRecord, new_email: str, caller: Caller
) -> None:
    """The old address hears of the change, whatever was mailed there before, with the link that
    undoes it; as long as that works nobody else gets the address.
    """
    now = await after_other_changes(tx, before.id, kw.clock.now())
    token, expires_at = await link_tokens.create(
        tx,
        purpose=LinkPurpose.UNDO_EMAIL_CHANGE,
        user_id=before.id,
        email=before.email,
        now=now,
    )
    await reservations.reserve(tx, before.id, before.email, expires_at)
    await kw.outbox.mail(
        tx,
        EmailChanged(
            to=before.email,
            at=now,
            network=caller.ip,
            device=device_name(caller.user_agent),
            new_email=new_email,
            token=token,
            expires_at=expires_at,
        ),
    )


async def after_other_changes(tx: Transaction, user_id: UUID, now: datetime) -> datetime:
    """Which of two changes was later decides whose link wins: never the clocks of two machines."""
    undos = await link_tokens.list_undos(tx, user_id, now)
    return max([now, *(one.created_at + timedelta(microseconds=1) for one in undos)])


async def tell_of_email_change(
    kw: Context, tx: Transaction, before: UserRecord, changed: UserRecord
) -> None:
    """Applications hear of it; of the proof, too, where there was none before."""
    at, user_id, email = kw.clock.now(), changed.id, changed.email
    event = UserEmailChanged(at=at, user_id=user_id, email=email, previous_email=before.email)
    await kw.hooks.emit(tx, event)
    await kw.hooks.emit(tx, UserUpdated(at=at, user_id=user_id, fields=("email",)))
    if not is_proven(before):
        await kw.hooks.emit(tx, UserVerified(at=at, user_id=user_id, email=email))
