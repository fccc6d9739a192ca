"""A session goes on (refresh), ends (sign out), and proves itself again (reauthenticate)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from keywright.accounts.passwords import throttle
from keywright.accounts.users import service as users
from keywright.accounts.users.models import UserRecord
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent, Outcome
from keywright.core.db import Transaction
from keywright.core.errors import SessionEnded
from keywright.core.events import SessionRevoked, SignedOut
from keywright.core.principal import Principal, PrincipalKind
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.flows.errors import InvalidCredentials
from keywright.flows.manage_sessions import tell_revoked
from keywright.flows.open_session import BY_PASSWORD, require_unchanged_account
from keywright.flows.results import Tokens, issue_tokens
from keywright.flows.sign_in import judge
from keywright.sessions import service as sessions
from keywright.sessions.errors import SessionNotFound

if TYPE_CHECKING:
    from keywright.core.context import Context


async def refresh(kw: Context, presented: str, caller: Caller) -> Tokens:
    """New tokens for a refresh token. Raises `SessionEnded`; reuse ends the family first."""
    await kw.limits.hit(limits.REFRESH, caller.network)
    arrived = kw.clock.now()
    tokens = await issue_ahead(kw, presented, arrived)
    now = kw.clock.now()
    outcome = await sessions.refresh(
        kw.db, kw.secrets, kw.settings, presented, now, arrived=arrived
    )
    if isinstance(outcome, sessions.Reused):
        await end_reused_family(kw, outcome, caller)
    if not isinstance(outcome, sessions.Refreshed):
        raise SessionEnded
    if tokens is None:
        return await issue_tokens(kw, outcome.session, now, refresh_token=outcome.refresh_token)
    return replace(tokens, refresh_token=outcome.refresh_token)


async def issue_ahead(kw: Context, presented: str, now: datetime) -> Tokens | None:
    """The access token, before the refresh token is used, where the application has a say in it:
    should its code fail, what the client holds is as good as before.

    None where nothing of the application's runs, and for a token that is not good.
    """
    if not kw.hooks.has_claims and kw.profile is None:
        return None
    session = await sessions.find_refreshable(kw.db, kw.secrets, presented, now)
    return None if session is None else await issue_tokens(kw, session, now)


async def end_reused_family(kw: Context, reused: sessions.Reused, caller: Caller) -> None:
    """Committed on purpose before the refusal: whoever copied the token has it no longer."""
    async with kw.db.transaction(alone=kw.hooks.has_on(SessionRevoked)) as tx:
        if await end_quietly(kw, tx, reused.session_id, reused.user_id):
            await tell_revoked(kw, tx, reused.user_id, [reused.session_id])
        await audit.record(
            tx,
            event=AuditEvent.REFRESH_TOKEN_REUSED,
            outcome=Outcome.DENIED,
            subject_id=reused.user_id,
            session_id=reused.session_id,
            caller=caller,
            now=kw.clock.now(),
        )


async def end_quietly(kw: Context, tx: Transaction, session_id: UUID, user_id: UUID) -> bool:
    try:
        await sessions.end(
            tx, kw.notices, session_id=session_id, user_id=user_id, now=kw.clock.now()
        )
    except SessionNotFound:
        return False
    return True


async def sign_out(
    kw: Context, caller: Caller, *, refresh_token: str | None, principal: Principal | None
) -> None:
    """End the session that the request belongs to. Always succeeds."""
    session_id, user_id = await whose_session(kw, refresh_token, principal)
    if session_id is None or user_id is None:
        return
    async with kw.db.transaction(alone=kw.hooks.has_on(SignedOut)) as tx:
        if not await end_quietly(kw, tx, session_id, user_id):
            return
        await audit.record(
            tx,
            event=AuditEvent.SIGNED_OUT,
            actor_id=user_id,
            subject_id=user_id,
            session_id=session_id,
            caller=caller,
            now=kw.clock.now(),
        )
        await kw.hooks.emit(
            tx, SignedOut(at=kw.clock.now(), user_id=user_id, session_id=session_id)
        )


async def whose_session(
    kw: Context, refresh_token: str | None, principal: Principal | None
) -> tuple[UUID | None, UUID | None]:
    if principal is not None and principal.user is not None:
        return principal.session_id, principal.user.id
    if refresh_token is None:
        return None, None
    family = await sessions.read_family(kw.db, kw.secrets, refresh_token)
    return (None, None) if family is None else (family.id, family.user_id)


@dataclass(frozen=True, slots=True)
class Reauthenticated:
    """`page_secret` is the new value of the page cookie, where that is what was shown."""

    tokens: Tokens
    page_secret: str | None


async def reauthenticate(
    kw: Context, principal: Principal, password: str, caller: Caller
) -> Reauthenticated:
    """The password again: the session's `auth_time` is now. Tries count against the account.

    Raises `InvalidCredentials`, `SessionEnded`.
    """
    user = await prove_own_password(kw, principal, password, caller)
    assert principal.session_id is not None
    now = kw.clock.now()
    tokens = await issue_renewed(kw, principal.session_id, now)
    async with kw.db.transaction() as tx:
        await require_unchanged_account(tx, user)
        await sessions.renew_auth(tx, principal.session_id, BY_PASSWORD, now)
        page_secret = await replace_shown_secret(kw, tx, principal)
        await audit.record(
            tx,
            event=AuditEvent.REAUTHENTICATED,
            actor_id=user.id,
            subject_id=user.id,
            session_id=principal.session_id,
            caller=caller,
            now=now,
        )
    return Reauthenticated(tokens, page_secret)


async def issue_renewed(kw: Context, session_id: UUID, now: datetime) -> Tokens:
    """What the session will be once its renewal is written; its scope stays as narrow.

    Raises `SessionEnded`.
    """
    session = await sessions.find_with_user(kw.db, session_id, now)
    if session is None:
        raise SessionEnded
    renewed = msgspec.structs.replace(session, auth_time=now, amr=" ".join(BY_PASSWORD))
    return await issue_tokens(kw, renewed, now)


async def replace_shown_secret(kw: Context, tx: Transaction, principal: Principal) -> str | None:
    """Whoever copied the page cookie before does not become fresh with its owner."""
    if principal.kind is not PrincipalKind.PAGE:
        return None
    assert principal.session_id is not None
    return await sessions.replace_page_secret(tx, principal.session_id, kw.clock.now())


async def prove_own_password(
    kw: Context, principal: Principal, password: str, caller: Caller
) -> UserRecord:
    """The signed-in person's account, if this is its password. Raises `InvalidCredentials`."""
    assert principal.user is not None
    await kw.limits.hit(limits.REAUTHENTICATE, caller.network)
    user = await users.get(kw.db, principal.user.id)
    account = user.email_folded
    device = str(principal.session_id)  # a signed-in browser is known: it has its own counter
    await throttle.check_account(kw.db, account=account, device=device, now=kw.clock.now())
    good = await judge(kw, user.password_hash, password, caller, account=account, device=device)
    if not good:
        await audit.record_denial(
            kw.db,
            event=AuditEvent.REAUTHENTICATED,
            subject_id=user.id,
            session_id=principal.session_id,
            caller=caller,
            now=kw.clock.now(),
        )
        raise InvalidCredentials("The password is not right. Check it and try again.")
    await throttle.clear_failures(kw.db, account=account, device=device)
    return user
