"""The rules of sessions: open, refresh, list, end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec.structs import replace

from keywright.core.crypto import MasterSecrets
from keywright.core.db import Database, Handle, Transaction
from keywright.core.errors import SessionEnded
from keywright.core.hashing import sha256
from keywright.core.ids import new_id, new_secret, random_bytes
from keywright.core.notices import Notices, Subject
from keywright.core.web.caller import Caller
from keywright.sessions import repository
from keywright.sessions.errors import SessionNotFound
from keywright.sessions.models import Session, SessionOfUser, SessionPage, SessionPosition
from keywright.sessions.refresh_token import (
    SALT_BYTES,
    RefreshToken,
    read_refresh_token,
    write_refresh_token,
)

if TYPE_CHECKING:
    from keywright.core.settings import Settings

GRACE = timedelta(seconds=10)
TOUCH_EVERY = timedelta(minutes=1)
NOBODY = UUID(int=0)
BEFORE_ALL = SessionPosition(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))
PAGE_SECRET_BITS = 256

count_for_user = repository.count_for_user
find = repository.find
find_with_user = repository.find_with_user
list_for_user = repository.list_for_user
store = repository.insert
sweep = repository.sweep


@dataclass(frozen=True, slots=True)
class Refreshed:
    session: SessionOfUser
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Reused:
    """A refresh token that was replaced long ago was shown: somebody copied it."""

    session_id: UUID
    user_id: UUID


def new_api_session(
    settings: Settings,
    *,
    user_id: UUID,
    amr: Iterable[str],
    scope: str | None,
    caller: Caller,
    now: datetime,
) -> Session:
    """A session that a refresh token keeps alive. Nothing is written yet."""
    session = new_session(settings, user_id, amr, caller, now)
    return replace(session, scope=scope, refresh_salt=random_bytes(SALT_BYTES))


def new_page_session(
    settings: Settings, *, user_id: UUID, amr: Iterable[str], caller: Caller, now: datetime
) -> tuple[Session, str]:
    """A session and the page cookie that carries it: random, stored hashed."""
    secret = new_secret(PAGE_SECRET_BITS)
    session = new_session(settings, user_id, amr, caller, now)
    return replace(session, page_digest=sha256(secret)), secret


def new_session(
    settings: Settings, user_id: UUID, amr: Iterable[str], caller: Caller, now: datetime
) -> Session:
    expires_at = now + timedelta(seconds=settings.session_max_age)
    return Session(
        id=new_id(now),
        user_id=user_id,
        created_at=now,
        last_seen_at=now,
        idle_expires_at=now + settings.refresh_idle,
        expires_at=expires_at,
        auth_time=now,
        amr=" ".join(amr),
        scope=None,
        ip=caller.ip,
        user_agent=caller.user_agent,
        page_digest=None,
        refresh_salt=None,
        refresh_generation=1,
        rotated_at=now,
    )


def first_refresh_token(secrets: MasterSecrets, session: Session) -> str:
    assert session.refresh_salt is not None
    token = RefreshToken(session.id, session.refresh_generation, session.refresh_salt)
    return write_refresh_token(secrets, token)


async def list_page(
    db: Handle, user_id: UUID, now: datetime, *, limit: int, after: SessionPosition | None = None
) -> SessionPage:
    """The account's live sessions, the most recently used first."""
    rows = await repository.page_for_user(
        db, user_id, now, after=after or BEFORE_ALL, size=limit + 1
    )
    items = tuple(rows[:limit])
    last = items[-1] if len(rows) > limit else None
    return SessionPage(items, SessionPosition(last.last_seen_at, last.id) if last else None)


async def lock_active_user(
    tx: Transaction, user_id: UUID, password_changed_at: datetime | None
) -> bool:
    """Hold the account's row, so that opening, counting and disabling come one after another.

    False when the account was disabled, or its password changed, since it was read.
    """
    return await repository.lock_active_user(tx, user_id, password_changed_at)


async def end_surplus(
    tx: Transaction, notices: Notices, user_id: UUID, *, limit: int, now: datetime
) -> list[UUID]:
    """Keep the `limit` most recently used sessions of the account; answers which ended."""
    ended = await repository.end_surplus(tx, user_id, limit, now)
    for session_id in ended:
        await notices.revoke(tx, Subject.SESSION, session_id, now)
    return ended


async def find_refreshable(
    db: Database, secrets: MasterSecrets, presented: str, now: datetime
) -> SessionOfUser | None:
    """The session that `refresh` would go on with, without using the token; None if it would not.

    Only `refresh` decides: this is for what must be ready before.
    """
    token = read_refresh_token(secrets, presented)
    if token is None:
        return None
    return await repository.find_refreshable(
        db,
        id=token.family,
        salt=token.salt,
        presented=token.generation,
        successor=token.generation + 1,
        now=now,
        grace_began=now - GRACE,
    )


async def refresh(
    db: Database,
    secrets: MasterSecrets,
    settings: Settings,
    presented: str,
    now: datetime,
    *,
    arrived: datetime,
) -> Refreshed | Reused | None:
    """Rotate in one statement (security.md, "Refresh tokens"); None ends in a sign-in.

    `arrived` is when the token was shown: what took time since then uses up nobody's grace.
    """
    token = read_refresh_token(secrets, presented)
    if token is None:
        return None
    session = await repository.rotate(
        db,
        id=token.family,
        salt=token.salt,
        presented=token.generation,
        successor=token.generation + 1,
        now=now,
        idle=now + settings.refresh_idle,
    )
    if session is None:
        return await judge_replaced_token(db, secrets, token, arrived)
    return Refreshed(session, successor_of(secrets, token))


async def judge_replaced_token(
    db: Database, secrets: MasterSecrets, token: RefreshToken, now: datetime
) -> Refreshed | Reused | None:
    """It did not rotate: a second tab in the grace time, a thief, or a session that ended."""
    family = await repository.find(db, token.family)
    if family is None or family.refresh_salt != token.salt:
        return None
    session = await repository.find_with_user(db, family.id, now)
    if session is None:
        return None
    if is_within_grace(family, token, now):
        return Refreshed(session, successor_of(secrets, token))
    return Reused(family.id, family.user_id)


def is_within_grace(family: Session, token: RefreshToken, now: datetime) -> bool:
    one_behind = family.refresh_generation == token.generation + 1
    return one_behind and now - family.rotated_at <= GRACE


def successor_of(secrets: MasterSecrets, token: RefreshToken) -> str:
    """The same successor for everyone who shows the same token: racing tabs agree."""
    return write_refresh_token(
        secrets, RefreshToken(token.family, token.generation + 1, token.salt)
    )


async def find_by_page_secret(
    db: Handle, settings: Settings, secret: str, now: datetime
) -> Session | None:
    """The pages' session; its last use is written at most once a minute."""
    session = await repository.find_by_page_digest(db, sha256(secret), now)
    if session is not None and now - session.last_seen_at >= TOUCH_EVERY:
        await repository.touch(db, session.id, now, now + settings.refresh_idle)
    return session


async def read_family(db: Handle, secrets: MasterSecrets, presented: str) -> Session | None:
    """The session that a refresh token belongs to, without using the token."""
    token = read_refresh_token(secrets, presented)
    if token is None:
        return None
    session = await repository.find(db, token.family)
    return session if session is not None and session.refresh_salt == token.salt else None


async def renew_auth(tx: Transaction, session_id: UUID, amr: Iterable[str], now: datetime) -> None:
    """The person proved themselves again: `auth_time` is now. Raises `SessionEnded`."""
    if not await repository.renew_auth(tx, session_id, " ".join(amr), now):
        raise SessionEnded


async def replace_page_secret(tx: Transaction, session_id: UUID, now: datetime) -> str:
    """Step-up gives the page cookie a new value and keeps the session."""
    secret = new_secret(PAGE_SECRET_BITS)
    if not await repository.replace_page_digest(tx, session_id, sha256(secret), now):
        raise SessionNotFound
    return secret


async def end(
    tx: Transaction, notices: Notices, *, session_id: UUID, user_id: UUID, now: datetime
) -> None:
    """End one session of the account. Raises `SessionNotFound`."""
    if not await repository.end(tx, session_id, user_id):
        raise SessionNotFound
    await notices.revoke(tx, Subject.SESSION, session_id, now)


async def end_all(
    tx: Transaction, notices: Notices, user_id: UUID, *, now: datetime, keep: UUID | None = None
) -> list[UUID]:
    """End every session of the account but `keep`; answers which."""
    ended = await repository.end_others(tx, user_id, keep or NOBODY)
    for session_id in ended:
        await notices.revoke(tx, Subject.SESSION, session_id, now)
    return ended
