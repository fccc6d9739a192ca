"""A person forgot the password, or changes it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.accounts.link_tokens.models import LinkPurpose
from keywright.accounts.passwords import throttle
from keywright.accounts.users import service as users
from keywright.accounts.users.addresses import fold_email
from keywright.accounts.users.models import UserRecord
from keywright.accounts.users.reservations import service as reservations
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.db import Transaction
from keywright.core.events import PasswordChanged as PasswordChangedEvent
from keywright.core.events import PasswordReset, SessionRevoked, UserVerified
from keywright.core.principal import Principal
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.core.web.device_name import device_name
from keywright.flows.kept_addresses import tell_of_kept_address
from keywright.flows.known_devices import remember_device
from keywright.flows.manage_sessions import end_every_session
from keywright.flows.open_session import require_unchanged_account
from keywright.flows.prove_address import resend_verification
from keywright.flows.stay_signed_in import prove_own_password
from keywright.outbox.channels.mail.mails import PasswordChanged, ResetPassword
from keywright.sessions.devices import service as devices

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.outbox.models import Message

SEND_RESET = "send_reset"


async def forgot_password(kw: Context, email: str, caller: Caller) -> None:
    """Ask for a reset link. The same work and answer for any address."""
    await kw.limits.hit(limits.FORGOT_PASSWORD, caller.network)
    asked_from = {"network": caller.ip, "device": device_name(caller.user_agent)}
    async with kw.db.transaction() as tx:
        await kw.outbox.add(tx, SEND_RESET, {"email": fold_email(email), **asked_from})


async def send_reset(kw: Context, tx: Transaction, message: Message) -> None:
    """In the worker: the reset link for an account; a sign-up that waits gets its own link."""
    user, now = await users.hold_at(tx, message.payload["email"]), kw.clock.now()
    if user is None:
        await answer_without_account(kw, tx, message)
        return
    if not user.active or not await kw.limits.mail_allowed(
        tx, user.email_folded, limits.RESET_MAIL
    ):
        return
    token, expires_at = await link_tokens.create(
        tx, purpose=LinkPurpose.RESET_PASSWORD, user_id=user.id, now=now
    )
    await kw.outbox.mail(
        tx,
        ResetPassword(
            to=user.email,
            at=message.created_at,
            network=message.payload["network"],
            device=message.payload["device"],
            token=token,
            expires_at=expires_at,
        ),
    )


async def answer_without_account(kw: Context, tx: Transaction, message: Message) -> None:
    kept = await reservations.find(tx, message.payload["email"], kw.clock.now())
    if kept is not None:
        await tell_of_kept_address(kw, tx, kept)
    else:
        await resend_verification(kw, tx, message)


async def preview_reset(kw: Context, token: str) -> UserRecord:
    """For whom the link is, without using it. Raises `InvalidLink`."""
    link = await link_tokens.peek(kw.db, token, LinkPurpose.RESET_PASSWORD, kw.clock.now())
    user = await users.find(kw.db, link.user_id) if link.user_id else None
    if user is None or not user.active:
        raise InvalidLink
    return user


async def reset_password(kw: Context, token: str, new_password: str, caller: Caller) -> None:
    """Set a new password by the mailed link. Ends every session and never signs in.

    Raises `InvalidLink`, `WeakPassword`.
    """
    await kw.limits.hit(limits.RESET_PASSWORD, caller.network)
    user = await preview_reset(kw, token)
    new_hash = await hash_checked(kw, user, new_password, caller)
    alone = kw.hooks.has_on(PasswordReset, SessionRevoked, UserVerified)
    async with kw.db.transaction(alone=alone) as tx:
        now = kw.clock.now()
        await users.hold(tx, user.id)  # racing links of one person wait for each other here
        await link_tokens.use(tx, token, LinkPurpose.RESET_PASSWORD, now)
        await prove_by_reset(kw, tx, user, now)
        await replace_password(kw, tx, user, new_hash, caller)
        await end_every_session(kw, tx, user.id)
        await throttle.clear_failures(tx, account=user.email_folded, device=None)
        await record(tx, AuditEvent.PASSWORD_RESET, user, caller, kw)
        await kw.hooks.emit(tx, PasswordReset(at=now, user_id=user.id))


async def prove_by_reset(kw: Context, tx: Transaction, user: UserRecord, now: datetime) -> None:
    """The link was mailed to the address: whoever has it proves that, too."""
    if user.email_verified_at is None:
        await users.set_verified(tx, user.id, now)
        await kw.hooks.emit(tx, UserVerified(at=now, user_id=user.id, email=user.email))


async def change_password(
    kw: Context, principal: Principal, current_password: str, new_password: str, caller: Caller
) -> str:
    """Set a new password, knowing the current one. Ends every other session; answers the device
    cookie's value from now on, as no device is known by an older password.

    Raises `InvalidCredentials`, `WeakPassword`.
    """
    user = await prove_own_password(kw, principal, current_password, caller)
    new_hash = await hash_checked(kw, user, new_password, caller)
    alone = kw.hooks.has_on(PasswordChangedEvent, SessionRevoked)
    async with kw.db.transaction(alone=alone) as tx:
        now = kw.clock.now()
        await require_unchanged_account(tx, user)
        changed = await replace_password(kw, tx, user, new_hash, caller)
        await end_every_session(kw, tx, user.id, keep=principal.session_id)
        await record(tx, AuditEvent.PASSWORD_CHANGED, user, caller, kw)
        await kw.hooks.emit(tx, PasswordChangedEvent(at=now, user_id=user.id))
    return remember_device(kw.secrets, changed, None)


async def hash_checked(kw: Context, user: UserRecord, new_password: str, caller: Caller) -> str:
    words = [word for word in (user.email, user.username, user.name) if word]
    await kw.password_policy.check(new_password, about=words, field="new_password")
    return await kw.passwords.hash(new_password, network=caller.network, account=user.email_folded)


async def replace_password(
    kw: Context, tx: Transaction, user: UserRecord, new_hash: str, caller: Caller
) -> UserRecord:
    """The new hash; mailed tokens die with the old password, and the owner is told.

    Answers the account as it is now.
    """
    now = kw.clock.now()
    await users.set_password(tx, user.id, new_hash, now)
    await link_tokens.drop_all(tx, user.id)
    await devices.keep_only(tx, user.id, caller, now)
    await kw.notices.changed(tx, user.id, now)
    await tell_owner(kw, tx, user, caller)
    return replace(user, password_hash=new_hash, password_changed_at=now)


async def tell_owner(kw: Context, tx: Transaction, user: UserRecord, caller: Caller) -> None:
    now, device = kw.clock.now(), device_name(caller.user_agent)
    await kw.outbox.mail(
        tx, PasswordChanged(to=user.email, at=now, network=caller.ip, device=device)
    )


async def record(
    tx: Transaction, event: AuditEvent, user: UserRecord, caller: Caller, kw: Context
) -> None:
    await audit.record(
        tx, event=event, actor_id=user.id, subject_id=user.id, caller=caller, now=kw.clock.now()
    )
