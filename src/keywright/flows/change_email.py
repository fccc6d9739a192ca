"""A person gives their account another e-mail address.

The address that they have is told at once that somebody asked; a reset of the password stops it.
The new address gets the link, and whoever opens that and presses the button has proven it. Then the
account has the new address (`confirm_email_change`), and the one before is mailed the way back
(`undo_email_change`), for 72 hours, in which nobody else gets that address.

An address that was never proven gets no notice and no way back, and is not kept: somebody mistyped
it, perhaps, and to its owner it would give the account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.accounts.link_tokens.models import LinkPurpose, LinkToken
from keywright.accounts.users import service as users
from keywright.accounts.users.addresses import check_email, fold_email
from keywright.accounts.users.errors import EmailTaken
from keywright.accounts.users.models import UserRecord
from keywright.accounts.users.reservations import service as reservations
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.db import Transaction
from keywright.core.errors import FieldError, InvalidInput, SessionEnded, TooManyRequests
from keywright.core.principal import Principal, User
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.core.web.device_name import device_name
from keywright.flows.kept_addresses import tell_of_kept_address
from keywright.outbox.channels.mail.mails import (
    AddressInUse,
    ConfirmEmailChange,
    SecurityNotice,
)
from keywright.sessions import service as sessions

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.outbox.models import Message

ANSWER_EMAIL_CHANGE = "answer_email_change"


class SameEmail(InvalidInput):
    code = "same_email"
    title = "That is your e-mail address already"


async def request_email_change(
    kw: Context, principal: Principal, new_email: str, caller: Caller
) -> None:
    """Ask for another address; nothing changes before its link is used. Of several requests the
    last one counts. The same work and answer for any address, where the settings do not allow to
    tell.

    Raises `InvalidEmail`, `SameEmail`, `TooManyRequests`, and `EmailTaken` only where they do.
    """
    assert principal.user is not None
    await kw.limits.hit(limits.CHANGE_EMAIL, caller.network)
    email = check_email(new_email, field="new_email")
    refuse_same(principal.user, email)
    await limit_account(kw, principal.user.id)
    if kw.settings.may_reveal_registered:
        await refuse_taken(kw, principal.user.id, email)
    async with kw.db.transaction() as tx:
        user = await hold_active(tx, principal.user.id)
        await require_living_session(tx, principal)
        await ask_for_confirmation(kw, tx, user, email, principal.session_id)
        await tell_of_request(kw, tx, user, caller)
        await audit.record(
            tx,
            event=AuditEvent.EMAIL_CHANGE_REQUESTED,
            actor_id=user.id,
            subject_id=user.id,
            session_id=principal.session_id,
            caller=caller,
            now=kw.clock.now(),
        )


def refuse_same(user: User[Any], email: str) -> None:
    """Another spelling of it is another address: mail goes to the spelling that is stored."""
    if user.email == email:
        detail = "Your account has that e-mail address already."
        raise SameEmail(detail, errors=[FieldError("new_email", "same_email", detail)])


async def limit_account(kw: Context, user_id: UUID) -> None:
    """Each request mails somebody: whoever is signed in cannot do that without end."""
    limit = limits.CHANGE_EMAIL_OF_ACCOUNT
    if not await kw.limits.allows(kw.db, limit, str(user_id)):
        raise TooManyRequests(limit.per_seconds)


async def refuse_taken(kw: Context, user_id: UUID, email: str) -> None:
    owner = await users.find_by_email(kw.db, email)
    held = await reservations.find(kw.db, email, kw.clock.now())
    others = {one for one in (owner and owner.id, held and held.user_id) if one} - {user_id}
    if others:
        detail = EmailTaken.detail
        raise EmailTaken(detail, errors=[FieldError("new_email", "email_taken", detail)])


async def hold_active(tx: Transaction, user_id: UUID) -> UserRecord:
    await users.hold(tx, user_id)
    user = await users.get(tx, user_id)
    if not user.active:
        raise SessionEnded
    return user


async def require_living_session(tx: Transaction, principal: Principal) -> None:
    """A reset or an undo that came between ended it, and all that is asked for in it."""
    if principal.session_id is None or await sessions.find(tx, principal.session_id) is None:
        raise SessionEnded


async def ask_for_confirmation(
    kw: Context, tx: Transaction, user: UserRecord, email: str, session_id: UUID | None
) -> None:
    """The link is made here, so that it dies with whatever is changed before it is mailed."""
    await link_tokens.drop_purpose(tx, user.id, LinkPurpose.CHANGE_EMAIL)
    token, _ = await link_tokens.create(
        tx,
        purpose=LinkPurpose.CHANGE_EMAIL,
        user_id=user.id,
        email=email,
        session_id=session_id,
        now=kw.clock.now(),
    )
    await kw.outbox.add(tx, ANSWER_EMAIL_CHANGE, {"token": token})


async def tell_of_request(kw: Context, tx: Transaction, user: UserRecord, caller: Caller) -> None:
    """Outside of any limit. Not which address was asked for: nobody has proven that one."""
    if user.email_verified_at is None:
        return
    await kw.outbox.mail(
        tx,
        SecurityNotice(
            to=user.email,
            at=kw.clock.now(),
            network=caller.ip,
            device=device_name(caller.user_agent),
            subject=f"Your {kw.settings.app_name} account is about to get another e-mail address",
            what=(
                "Somebody who is signed in to your account asked to give it another e-mail "
                "address. Nothing is changed before the new address is confirmed. A new password "
                "stops it."
            ),
        ),
    )


async def answer_email_change(kw: Context, tx: Transaction, message: Message) -> None:
    """In the worker: mail the link, or tell the owner of a known address that somebody tried.

    The link stays in both cases, unknown to anybody in the second.
    """
    now, token = kw.clock.now(), message.payload["token"]
    try:
        link = await link_tokens.peek(tx, token, LinkPurpose.CHANGE_EMAIL, now)
    except InvalidLink:
        return  # another request came, or the password was changed, before this was mailed
    assert link.email is not None
    owner = await users.find_by_email(tx, link.email)
    if owner is not None and owner.id != link.user_id:
        if await kw.limits.mail_allowed(tx, owner.email_folded, limits.SIGN_UP_MAIL):
            await kw.outbox.mail(tx, AddressInUse(to=owner.email, at=now))
        return
    kept = await reservations.find(tx, link.email, now)
    if kept is not None and kept.user_id != link.user_id:
        await tell_of_kept_address(kw, tx, kept)
    else:
        await mail_confirmation(kw, tx, link, token)


async def mail_confirmation(kw: Context, tx: Transaction, link: LinkToken, token: str) -> None:
    assert link.email is not None
    if await kw.limits.mail_allowed(tx, fold_email(link.email), limits.SIGN_UP_MAIL):
        await kw.outbox.mail(
            tx,
            ConfirmEmailChange(
                to=link.email, at=link.created_at, token=token, expires_at=link.expires_at
            ),
        )
