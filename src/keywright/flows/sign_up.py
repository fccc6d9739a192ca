"""A person signs up. The address is proven before there is an account, unless a setting says no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.link_tokens.models import LinkPurpose
from keywright.accounts.registrations import service as registrations
from keywright.accounts.registrations.models import Registration
from keywright.accounts.users import service as users
from keywright.accounts.users.addresses import (
    check_email,
    check_username,
    fold_email,
    refuse_control_characters,
)
from keywright.accounts.users.errors import EmailTaken, UsernameTaken
from keywright.accounts.users.models import UserRecord
from keywright.accounts.users.reservations import service as reservations
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.db import Transaction
from keywright.core.events import UserCreated, UserRegistered
from keywright.core.hashing import sha256
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.flows.kept_addresses import tell_of_kept_address
from keywright.flows.known_devices import remember_device
from keywright.flows.open_session import BY_PASSWORD, open_session_for_api, open_session_for_pages
from keywright.flows.sign_in import ApiSignIn, PageSignIn
from keywright.outbox.channels.mail.mails import AlreadyRegistered, VerifyEmail

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.outbox.models import Message

ANSWER_SIGN_UP = "answer_sign_up"


@dataclass(frozen=True, slots=True)
class SignUpForm:
    email: str
    password: str
    username: str | None = None
    name: str | None = None
    locale: str | None = None
    profile: dict[str, Any] | None = None


async def sign_up_for_api(
    kw: Context, form: SignUpForm, caller: Caller, *, browser_secret: str
) -> ApiSignIn | None:
    """As `sign_up`; an account that exists at once is signed in."""
    user = await sign_up(kw, form, caller, browser_secret=browser_secret)
    if user is None:
        return None
    tokens = await open_session_for_api(kw, user, caller, amr=BY_PASSWORD, scope=None)
    return ApiSignIn(tokens, remember_device(kw.secrets, user, None))


async def sign_up_for_pages(
    kw: Context, form: SignUpForm, caller: Caller, *, browser_secret: str
) -> PageSignIn | None:
    """As `sign_up_for_api`, for a browser on the hosted pages."""
    user = await sign_up(kw, form, caller, browser_secret=browser_secret)
    if user is None:
        return None
    secret = await open_session_for_pages(kw, user, caller, amr=BY_PASSWORD)
    return PageSignIn(secret, remember_device(kw.secrets, user, None))


async def sign_up(
    kw: Context, form: SignUpForm, caller: Caller, *, browser_secret: str
) -> UserRecord | None:
    """Register. None: a mail is on its way, and nothing tells whether the address was known.

    With `require_verification=false` the account exists at once.
    Raises `InvalidEmail`, `InvalidUsername`, `InvalidInput`, `WeakPassword`, `UsernameTaken`, and
    `EmailTaken` only where the settings allow to tell.
    """
    await kw.limits.hit(limits.REGISTER, caller.network)
    form = await check_form(kw, form)
    if form.username and await users.username_is_taken(kw.db, form.username):
        raise UsernameTaken
    if kw.settings.may_reveal_registered and await users.email_is_taken(
        kw.db, form.email, kw.clock.now()
    ):
        raise EmailTaken
    password_hash = await kw.passwords.hash(
        form.password, network=caller.network, account=fold_email(form.email)
    )
    if kw.settings.require_verification:
        await remember_sign_up(kw, form, password_hash, caller, browser_secret)
        return None
    return await create_unproven_account(kw, form, password_hash, caller, browser_secret)


async def check_form(kw: Context, form: SignUpForm) -> SignUpForm:
    email = check_email(form.email)
    username = check_username(form.username) if form.username else None
    refuse_control_characters(form.name)
    words = [word for word in (email, username, form.name) if word]
    await kw.password_policy.check(form.password, about=words)
    return SignUpForm(email, form.password, username, form.name, form.locale, form.profile)


async def remember_sign_up(
    kw: Context, form: SignUpForm, password_hash: str, caller: Caller, browser_secret: str
) -> None:
    """The same work for every address: one row, one job. The worker finds out what exists."""
    now = kw.clock.now()
    async with kw.db.transaction(alone=kw.hooks.has_on(UserRegistered)) as tx:
        registration = await registrations.add(
            tx,
            email=form.email,
            password_hash=password_hash,
            browser_secret=browser_secret,
            now=now,
            username=form.username,
            name=form.name,
            locale=form.locale,
            profile=form.profile,
        )
        await kw.outbox.add(tx, ANSWER_SIGN_UP, {"registration_id": str(registration.id)})
        await audit.record(
            tx,
            event=AuditEvent.REGISTERED,
            caller=caller,
            email=registration.email_folded,
            now=now,
        )
        await kw.hooks.emit(
            tx, UserRegistered(at=now, registration_id=registration.id, email=form.email)
        )


async def answer_sign_up(kw: Context, tx: Transaction, message: Message) -> None:
    """In the worker: mail the link, or tell the owner of a known address that somebody tried.

    The sign-up stays in both cases, without a link in the second: a sign-in with its password
    must not tell which of the two it was.
    """
    now = kw.clock.now()
    registration = await registrations.find(tx, UUID(message.payload["registration_id"]), now)
    if registration is None:
        return
    owner = await users.find_by_email(tx, registration.email)
    if owner is None:
        await answer_free_or_kept(kw, tx, registration)
        return
    if await kw.limits.mail_allowed(tx, owner.email_folded, limits.SIGN_UP_MAIL):
        await kw.outbox.mail(tx, AlreadyRegistered(to=owner.email, at=now))


async def answer_free_or_kept(kw: Context, tx: Transaction, registration: Registration) -> None:
    kept = await reservations.find(tx, registration.email, kw.clock.now())
    if kept is not None:
        await tell_of_kept_address(kw, tx, kept)
    else:
        await mail_link_for_registration(kw, tx, registration)


async def mail_link_for_registration(
    kw: Context, tx: Transaction, registration: Registration
) -> None:
    now = kw.clock.now()
    if not await kw.limits.mail_allowed(tx, registration.email_folded, limits.SIGN_UP_MAIL):
        return
    token, expires_at = await link_tokens.create(
        tx, purpose=LinkPurpose.VERIFY_EMAIL, registration_id=registration.id, now=now
    )
    await kw.outbox.mail(
        tx, VerifyEmail(to=registration.email, at=now, token=token, expires_at=expires_at)
    )


async def mail_link_for_user(kw: Context, tx: Transaction, user: UserRecord) -> None:
    now = kw.clock.now()
    if not await kw.limits.mail_allowed(tx, user.email_folded, limits.SIGN_UP_MAIL):
        return
    token, expires_at = await link_tokens.create(
        tx, purpose=LinkPurpose.VERIFY_EMAIL, user_id=user.id, now=now
    )
    await kw.outbox.mail(tx, VerifyEmail(to=user.email, at=now, token=token, expires_at=expires_at))


async def create_unproven_account(
    kw: Context, form: SignUpForm, password_hash: str, caller: Caller, browser_secret: str
) -> UserRecord:
    now = kw.clock.now()
    async with kw.db.transaction(alone=kw.hooks.has_on(UserCreated)) as tx:
        user = await users.create(
            tx,
            email=form.email,
            password_hash=password_hash,
            now=now,
            verified=False,
            username=form.username,
            name=form.name,
            locale=form.locale,
            profile=form.profile,
            sign_up_digest=sha256(browser_secret),
        )
        await mail_link_for_user(kw, tx, user)
        await audit.record(
            tx, event=AuditEvent.REGISTERED, subject_id=user.id, caller=caller, now=now
        )
        await kw.hooks.emit(tx, UserCreated(at=now, user_id=user.id, email=user.email))
    return user
