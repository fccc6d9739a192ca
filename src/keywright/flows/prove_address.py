"""A person proves their e-mail address by the link that was mailed to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.accounts.link_tokens.models import LinkPurpose, LinkToken
from keywright.accounts.passwords import throttle
from keywright.accounts.registrations import service as registrations
from keywright.accounts.registrations.models import Registration
from keywright.accounts.users import service as users
from keywright.accounts.users.addresses import fold_email
from keywright.accounts.users.errors import EmailTaken, UsernameTaken
from keywright.accounts.users.models import UserRecord
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.db import Transaction
from keywright.core.events import SessionRevoked, UserCreated, UserVerified
from keywright.core.hashing import matches
from keywright.core.principal import User
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.flows.errors import NewPasswordRequired
from keywright.flows.manage_sessions import end_every_session
from keywright.flows.results import present_user
from keywright.flows.sign_up import mail_link_for_registration, mail_link_for_user

if TYPE_CHECKING:
    from typing import Any

    from keywright.core.context import Context
    from keywright.outbox.models import Message

RESEND_VERIFICATION = "resend_verification"


@dataclass(frozen=True, slots=True)
class LinkHolder:
    """Who opened the link: the browser that signed up shows its secret, a session its person."""

    browser_secret: str | None = None
    user_id: UUID | None = None
    new_password: str | None = None


@dataclass(frozen=True, slots=True)
class LinkPreview:
    """What a page says before the button: for whom, and whether a new password is needed."""

    email: str
    needs_password: bool


async def preview_link(kw: Context, token: str, holder: LinkHolder) -> LinkPreview:
    """Look without using: opening a mailed link changes nothing. Raises `InvalidLink`."""
    link = await link_tokens.peek(kw.db, token, LinkPurpose.VERIFY_EMAIL, kw.clock.now())
    target = await find_target(kw, link)
    return LinkPreview(target.email, not is_same_person(target, holder))


async def verify_email(kw: Context, token: str, holder: LinkHolder, caller: Caller) -> User[Any]:
    """Activate the sign-up, or mark the account's address as proven.

    Raises `InvalidLink`, `NewPasswordRequired`, `WeakPassword`.
    """
    await kw.limits.hit(limits.VERIFY_EMAIL, caller.network)
    link = await link_tokens.peek(kw.db, token, LinkPurpose.VERIFY_EMAIL, kw.clock.now())
    target = await find_target(kw, link)
    require_same_person(target, holder)
    new_hash = await hash_new_password(kw, target.email, holder, caller)
    alone = kw.hooks.has_on(UserCreated, UserVerified, SessionRevoked)
    async with kw.db.transaction(alone=alone) as tx:
        if isinstance(target, Registration):
            user = await activate(kw, tx, target, token, new_hash)
        else:
            user = await prove_account(kw, tx, target.id, token, new_hash)
        await forget_early_tries(tx, user)
        await kw.hooks.emit(tx, UserVerified(at=kw.clock.now(), user_id=user.id, email=user.email))
        await audit.record(
            tx,
            event=AuditEvent.EMAIL_VERIFIED,
            actor_id=user.id,
            subject_id=user.id,
            caller=caller,
            now=kw.clock.now(),
        )
    return present_user(kw, user)


async def forget_early_tries(tx: Transaction, user: UserRecord) -> None:
    """Who tried the right password before the proof is not shut out after it."""
    await throttle.clear_failures(tx, account=user.email_folded, device=None)


async def find_target(kw: Context, link: LinkToken) -> Registration | UserRecord:
    target: Registration | UserRecord | None = None
    if link.registration_id is not None:
        target = await registrations.find(kw.db, link.registration_id, kw.clock.now())
    elif link.user_id is not None:
        target = await users.find(kw.db, link.user_id)
    if target is None:
        raise InvalidLink
    return target


def is_same_person(target: Registration | UserRecord, holder: LinkHolder) -> bool:
    """Whether the link was opened by the browser that signed up, or by the signed-in person."""
    if isinstance(target, Registration):
        return registrations.made_by(target, holder.browser_secret)
    if holder.user_id == target.id:
        return True
    digest, secret = target.sign_up_digest, holder.browser_secret
    return digest is not None and secret is not None and matches(digest, secret)


def require_same_person(target: Registration | UserRecord, holder: LinkHolder) -> None:
    """Elsewhere the password of the sign-up does not count: somebody else may have typed it."""
    if holder.new_password is None and not is_same_person(target, holder):
        raise NewPasswordRequired


async def hash_new_password(
    kw: Context, email: str, holder: LinkHolder, caller: Caller
) -> str | None:
    if holder.new_password is None:
        return None
    await kw.password_policy.check(holder.new_password, about=[email], field="new_password")
    return await kw.passwords.hash(
        holder.new_password, network=caller.network, account=fold_email(email)
    )


async def activate(
    kw: Context, tx: Transaction, registration: Registration, token: str, new_hash: str | None
) -> UserRecord:
    """The sign-up becomes the account; the others that waited at its address are dropped.

    The account's row comes first: there racing links of one address wait for each other.
    """
    now = kw.clock.now()
    user = await create_account(tx, registration, new_hash or registration.password_hash, now)
    await link_tokens.use(tx, token, LinkPurpose.VERIFY_EMAIL, now)
    await registrations.drop_all_for(tx, registration.email_folded)
    await kw.hooks.emit(tx, UserCreated(at=now, user_id=user.id, email=user.email))
    return user


async def create_account(
    tx: Transaction, registration: Registration, password_hash: str, now: datetime
) -> UserRecord:
    """A username that somebody took meanwhile is left empty; the person picks another."""
    create = partial(
        users.create,
        tx,
        email=registration.email,
        password_hash=password_hash,
        now=now,
        verified=True,
        name=registration.name,
        locale=registration.locale,
        profile=registration.profile,
    )
    try:
        return await create(username=registration.username)
    except UsernameTaken:
        return await create(username=None)
    except EmailTaken:
        raise InvalidLink from None


async def prove_account(
    kw: Context, tx: Transaction, user_id: UUID, token: str, new_hash: str | None
) -> UserRecord:
    """The account's address is proven. With a new password, whoever had the old one is out."""
    now = kw.clock.now()
    if not await users.set_verified(tx, user_id, now):
        raise InvalidLink
    await link_tokens.use(tx, token, LinkPurpose.VERIFY_EMAIL, now)
    if new_hash is not None:
        await users.set_password(tx, user_id, new_hash, now)
        await end_every_session(kw, tx, user_id)
    await link_tokens.drop_all(tx, user_id)
    await kw.notices.changed(tx, user_id, now)
    return await users.get(tx, user_id)


async def ask_for_verification(kw: Context, email: str, caller: Caller) -> None:
    """Ask for another link. The same work and answer for any address."""
    await kw.limits.hit(limits.RESEND_VERIFICATION, caller.network)
    async with kw.db.transaction() as tx:
        await kw.outbox.add(tx, RESEND_VERIFICATION, {"email": fold_email(email)})


async def resend_verification(kw: Context, tx: Transaction, message: Message) -> None:
    """In the worker: a new link for the account, or for the newest sign-up, that waits for one."""
    email, now = message.payload["email"], kw.clock.now()
    user = await users.hold_at(tx, email)
    if user is not None:
        if user.email_verified_at is None and user.active:
            await mail_link_for_user(kw, tx, user)
        return
    registration = await registrations.find_for(tx, email, None, now)
    if registration is not None:
        await mail_link_for_registration(kw, tx, registration)
