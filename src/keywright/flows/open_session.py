"""The one step that every way of signing in ends with: a new session, and what it carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keywright.accounts.passwords import throttle
from keywright.accounts.passwords.models import Attempt
from keywright.accounts.users.models import UserRecord
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.events import SessionRevoked, SignedIn
from keywright.core.web.caller import Caller
from keywright.flows.errors import InvalidCredentials
from keywright.flows.manage_sessions import tell_revoked
from keywright.flows.new_devices import note_device
from keywright.flows.results import Tokens, issue_tokens
from keywright.sessions import service as sessions
from keywright.sessions.models import Session, SessionOfUser

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.core.db import Transaction

BY_PASSWORD = ("pwd",)  # RFC 8176 §2


async def open_session_for_api(
    kw: Context,
    user: UserRecord,
    caller: Caller,
    *,
    amr: tuple[str, ...],
    scope: str | None,
    attempt: Attempt | None = None,
) -> Tokens:
    """A session with a refresh token: signed first, written last. `attempt` is the one that proved
    a password, if one did.

    Raises `InvalidCredentials` for an account that was just disabled or got another password.
    """
    now = kw.clock.now()
    session = sessions.new_api_session(
        kw.settings, user_id=user.id, amr=amr, scope=scope, caller=caller, now=now
    )
    whose = SessionOfUser(session.id, session.auth_time, session.amr, session.scope, user)
    refresh_token = sessions.first_refresh_token(kw.secrets, session)
    tokens = await issue_tokens(kw, whose, now, refresh_token=refresh_token)
    await store(kw, user, session, caller, attempt)
    return tokens


async def open_session_for_pages(
    kw: Context,
    user: UserRecord,
    caller: Caller,
    *,
    amr: tuple[str, ...],
    attempt: Attempt | None = None,
) -> str:
    """A session of the hosted pages; answers the value of its cookie."""
    now = kw.clock.now()
    session, secret = sessions.new_page_session(
        kw.settings, user_id=user.id, amr=amr, caller=caller, now=now
    )
    await store(kw, user, session, caller, attempt)
    return secret


async def store(
    kw: Context, user: UserRecord, session: Session, caller: Caller, attempt: Attempt | None
) -> None:
    """Write the session, keep at most N of the account, record the sign-in, and forget the
    failures that came before it.
    """
    async with kw.db.transaction(alone=kw.hooks.has_on(SignedIn, SessionRevoked)) as tx:
        await require_unchanged_account(tx, user)
        await sessions.store(tx, session)
        surplus = await sessions.end_surplus(
            tx, kw.notices, user.id, limit=kw.settings.max_sessions, now=session.created_at
        )
        await tell_revoked(kw, tx, user.id, surplus)
        await audit.record(
            tx,
            event=AuditEvent.SIGNED_IN,
            actor_id=user.id,
            subject_id=user.id,
            session_id=session.id,
            details={"amr": session.amr},
            caller=caller,
            now=session.created_at,
        )
        await note_device(kw, tx, user, caller, attempt=attempt, now=session.created_at)
        if attempt is not None:
            await throttle.clear_failures(tx, account=attempt.account, device=attempt.device)
        await kw.hooks.emit(
            tx,
            SignedIn(
                at=session.created_at,
                user_id=user.id,
                session_id=session.id,
                amr=tuple(session.amr.split()),
            ),
        )


async def require_unchanged_account(tx: Transaction, user: UserRecord) -> None:
    """What was decided before the transaction is checked again by the write's own lock."""
    if not await sessions.lock_active_user(tx, user.id, user.password_changed_at):
        raise InvalidCredentials
