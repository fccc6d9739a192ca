"""A person sees where they are signed in, and signs devices out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from keywright.accounts.users import service as users
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.db import Transaction
from keywright.core.events import SessionRevoked
from keywright.core.principal import Principal
from keywright.core.web.caller import Caller
from keywright.sessions import service as sessions
from keywright.sessions.models import Session, SessionPage, SessionPosition

if TYPE_CHECKING:
    from keywright.core.context import Context


async def list_sessions(kw: Context, principal: Principal) -> list[Session]:
    """The person's live sessions, the most recently used first."""
    assert principal.user is not None
    return await sessions.list_for_user(kw.db, principal.user.id, kw.clock.now())


async def list_session_page(
    kw: Context, principal: Principal, *, limit: int, after: SessionPosition | None = None
) -> SessionPage:
    assert principal.user is not None
    user_id, now = principal.user.id, kw.clock.now()
    return await sessions.list_page(kw.db, user_id, now, limit=limit, after=after)


async def count_sessions(kw: Context, principal: Principal) -> int:
    assert principal.user is not None
    return await sessions.count_for_user(kw.db, principal.user.id, kw.clock.now())


async def end_session(kw: Context, principal: Principal, session_id: UUID, caller: Caller) -> None:
    """Sign one device out. Raises `SessionNotFound`, for other people's sessions too."""
    assert principal.user is not None
    user_id, now = principal.user.id, kw.clock.now()
    async with kw.db.transaction(alone=kw.hooks.has_on(SessionRevoked)) as tx:
        await sessions.end(tx, kw.notices, session_id=session_id, user_id=user_id, now=now)
        await audit.record(
            tx,
            event=AuditEvent.SESSION_REVOKED,
            actor_id=user_id,
            subject_id=user_id,
            session_id=session_id,
            caller=caller,
            now=now,
        )
        await tell_revoked(kw, tx, user_id, [session_id])


async def end_other_sessions(kw: Context, principal: Principal, caller: Caller) -> int:
    """Sign every other device out; answers how many."""
    assert principal.user is not None
    user_id, now = principal.user.id, kw.clock.now()
    async with kw.db.transaction(alone=kw.hooks.has_on(SessionRevoked)) as tx:
        await users.hold(tx, user_id)
        ended = await end_every_session(kw, tx, user_id, keep=principal.session_id)
        await audit.record(
            tx,
            event=AuditEvent.SESSION_REVOKED,
            actor_id=user_id,
            subject_id=user_id,
            session_id=principal.session_id,
            details={"others": ended},
            caller=caller,
            now=now,
        )
    return ended


async def end_every_session(
    kw: Context, tx: Transaction, user_id: UUID, *, keep: UUID | None = None
) -> int:
    """Every session of the account but `keep`; answers how many. Emits `SessionRevoked`."""
    ended = await sessions.end_all(tx, kw.notices, user_id, now=kw.clock.now(), keep=keep)
    await tell_revoked(kw, tx, user_id, ended)
    return len(ended)


async def tell_revoked(
    kw: Context, tx: Transaction, user_id: UUID, session_ids: Iterable[UUID]
) -> None:
    now = kw.clock.now()
    for session_id in session_ids:
        await kw.hooks.emit(tx, SessionRevoked(at=now, user_id=user_id, session_id=session_id))
