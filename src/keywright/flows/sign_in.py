"""A person signs in with e-mail address and password."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keywright.accounts.passwords import throttle
from keywright.accounts.passwords.models import Attempt
from keywright.accounts.registrations import service as registrations
from keywright.accounts.users import service as users
from keywright.accounts.users.addresses import fold_email
from keywright.accounts.users.errors import EmailNotVerified
from keywright.accounts.users.models import UserRecord
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.errors import TooManyRequests, Unavailable
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.flows.errors import InvalidCredentials, InvalidScope
from keywright.flows.known_devices import find_device, remember_device
from keywright.flows.open_session import (
    BY_PASSWORD,
    open_session_for_api,
    open_session_for_pages,
)
from keywright.flows.results import Tokens

if TYPE_CHECKING:
    from keywright.core.context import Context


@dataclass(frozen=True, slots=True)
class SignInForm:
    """`device` is the device cookie's value, `browser_secret` the sign-up cookie's."""

    email: str
    password: str
    scope: str | None = None
    device: str | None = None
    browser_secret: str | None = None


@dataclass(frozen=True, slots=True)
class ApiSignIn:
    """`device` is the device cookie's value from now on."""

    tokens: Tokens
    device: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PageSignIn:
    """`secret` is the page cookie's value, `device` the device cookie's."""

    secret: str = field(repr=False)
    device: str = field(repr=False)


async def sign_in_for_api(kw: Context, form: SignInForm, caller: Caller) -> ApiSignIn:
    """Raises `InvalidCredentials`, `EmailNotVerified`, `TooManyRequests`, `Overloaded`."""
    async with proved_password(kw, form, caller) as (user, attempt):
        scope = narrow_scope(kw, user, form.scope)
        tokens = await open_session_for_api(
            kw, user, caller, amr=BY_PASSWORD, scope=scope, attempt=attempt
        )
    return ApiSignIn(tokens, remember_device(kw.secrets, user, form.device))


async def sign_in_for_pages(kw: Context, form: SignInForm, caller: Caller) -> PageSignIn:
    """As `sign_in_for_api`, for a browser on the hosted pages."""
    async with proved_password(kw, form, caller) as (user, attempt):
        secret = await open_session_for_pages(kw, user, caller, amr=BY_PASSWORD, attempt=attempt)
    return PageSignIn(secret, remember_device(kw.secrets, user, form.device))


@asynccontextmanager
async def proved_password(
    kw: Context, form: SignInForm, caller: Caller
) -> AsyncIterator[tuple[UserRecord, Attempt]]:
    """The account, and the attempt that its new session forgets in the same commit.

    Where no session comes of it the attempt is forgotten all the same: the password was right.
    """
    user, attempt = await prove_password(kw, form, caller)
    try:
        require_proven(kw, user)
        await renew_old_hash(kw, user, form.password, caller)
        yield user, attempt
    except Exception:
        await throttle.clear_failures(kw.db, account=attempt.account, device=attempt.device)
        raise


async def prove_password(
    kw: Context, form: SignInForm, caller: Caller
) -> tuple[UserRecord, Attempt]:
    """The account whose password this is, at the cost of one hash whether or not it exists."""
    await kw.limits.hit(limits.LOGIN, caller.network)
    account = fold_email(form.email)
    user = await users.find_by_email(kw.db, form.email)
    device = find_device(kw.secrets, form.device, user)
    await throttle.check_account(kw.db, account=account, device=device, now=kw.clock.now())
    stored = user.password_hash if user else None
    good = await judge(kw, stored, form.password, caller, account=account, device=device)
    if user is None or not good or not user.may_sign_in:
        await refuse_pending(kw, form, caller, account=account, known_device=device is not None)
        await audit.record_denial(
            kw.db,
            event=AuditEvent.SIGNED_IN,
            subject_id=user.id if user else None,
            email=account,
            caller=caller,
            now=kw.clock.now(),
        )
        raise InvalidCredentials
    return user, Attempt(account, device)


async def judge(
    kw: Context,
    stored: str | None,
    password: str,
    caller: Caller,
    *,
    account: str,
    device: str | None,
) -> bool:
    """Whether it is the password. An attempt that nobody could judge is given back."""
    try:
        return await kw.passwords.verify(
            stored,
            password,
            network=caller.network,
            account=account,
            known_device=device is not None,
        )
    except Exception:
        await throttle.refund_attempt(kw.db, account=account, device=device, now=kw.clock.now())
        raise


async def refuse_pending(
    kw: Context, form: SignInForm, caller: Caller, *, account: str, known_device: bool
) -> None:
    """Raise `EmailNotVerified` for the right password of a sign-up that waits for its proof.

    Looked for whether or not the address has an account, at the cost of the same hash: who signs
    up at an address and then signs in there learns nothing. The attempt stays counted, also where
    nobody could judge this second hash: the account's own was judged.
    """
    pending = await registrations.find_for(kw.db, form.email, form.browser_secret, kw.clock.now())
    if pending is not None and await kw.passwords.verify(
        pending.password_hash,
        form.password,
        network=caller.network,
        account=account,
        known_device=known_device,
    ):
        raise EmailNotVerified


def require_proven(kw: Context, user: UserRecord) -> None:
    """The right password of an address that is not proven yet gives no session."""
    if kw.settings.require_verification and user.email_verified_at is None:
        raise EmailNotVerified


async def renew_old_hash(kw: Context, user: UserRecord, password: str, caller: Caller) -> None:
    """A hash of another kind, or of older costs, is replaced at the sign-in that verified it.

    In a rush it waits for the next one: a right password is not refused for it.
    """
    if user.password_hash is None or not kw.passwords.needs_rehash(user.password_hash):
        return
    with suppress(Unavailable, TooManyRequests):
        new_hash = await kw.passwords.hash(
            password, network=caller.network, account=user.email_folded
        )
        await users.renew_hash(kw.db, user, new_hash)


def narrow_scope(kw: Context, user: UserRecord, asked: str | None) -> str | None:
    """A sign-in that asks for scopes gets those that the account may have, and no other power.

    Raises `InvalidScope` when it may have none of them.
    """
    if not asked or not asked.strip():
        return None
    permitted = kw.roles.of(user.role_names)
    granted = [scope for scope in asked.split() if scope in permitted or "*" in permitted]
    if not granted:
        raise InvalidScope
    return " ".join(dict.fromkeys(granted))
