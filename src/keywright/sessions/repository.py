"""Every statement on sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from keywright.accounts.users.models import UserRecord
from keywright.accounts.users.repository import COLUMNS as USER_COLUMNS
from keywright.accounts.users.table import users
from keywright.core.db import Handle, Statement
from keywright.core.principal import SIGNING_IN
from keywright.sessions.models import (
    Session,
    SessionCount,
    SessionId,
    SessionOfUser,
    SessionPosition,
)
from keywright.sessions.table import sessions

p = sa.bindparam
COLUMNS = tuple(sessions.c[name] for name in Session.__struct_fields__)
FRESHNESS = (sessions.c.id.label("session_id"), *(sessions.c[n] for n in ("auth_time", "amr")))
OF_USER = UserRecord.__struct_fields__
UserAndSession = msgspec.defstruct(
    "UserAndSession",
    [("session_id", UUID), ("auth_time", datetime), ("amr", str), ("scope", str | None)]
    + [(f"user_{name}", Any) for name in OF_USER],
    frozen=True,
)
LIVE = (sessions.c.idle_expires_at > p("now"), sessions.c.expires_at > p("now"))
MAY_SIGN_IN = sa.or_(*(users.c.status == status for status in SIGNING_IN))
ACTIVE_USER = (users.c.id == sessions.c.user_id, MAY_SIGN_IN)


def of_user(column: Any) -> Any:
    """The session's user's column: SQLite can return only expressions on the updated row."""
    owner = sa.select(column).where(users.c.id == sessions.c.user_id)
    return owner.scalar_subquery().label(f"user_{column.name}")


LOCK_ACTIVE_USER = Statement(
    sa.select(users.c.id)
    .where(
        users.c.id == p("user_id"),
        MAY_SIGN_IN,
        users.c.password_changed_at.is_not_distinct_from(p("password_changed_at")),
    )
    .with_for_update(),
    row=SessionId,
)
INSERT = Statement(
    sa.insert(sessions).values({column.name: p(column.name) for column in sessions.c})
)
BY_ID = Statement(sa.select(*COLUMNS).where(sessions.c.id == p("id")), row=Session)
BY_PAGE_DIGEST = Statement(
    sa.select(*COLUMNS)
    .join_from(sessions, users, ACTIVE_USER[0])
    .where(sessions.c.page_digest == p("page_digest"), ACTIVE_USER[1], *LIVE),
    row=Session,
)
LIST_FOR_USER = Statement(
    sa.select(*COLUMNS)
    .where(sessions.c.user_id == p("user_id"), *LIVE)
    .order_by(sessions.c.last_seen_at.desc(), sessions.c.id.desc()),
    row=Session,
)
AFTER_POSITION = sa.or_(
    sessions.c.last_seen_at < p("after_seen_at"),
    sa.and_(sessions.c.last_seen_at == p("after_seen_at"), sessions.c.id < p("after_id")),
)
PAGE_FOR_USER = Statement(
    sa.select(*COLUMNS)
    .where(sessions.c.user_id == p("user_id"), *LIVE, AFTER_POSITION)
    .order_by(sessions.c.last_seen_at.desc(), sessions.c.id.desc())
    .limit(p("size", type_=sa.Integer)),
    row=Session,
)
COUNT_FOR_USER = Statement(
    sa.select(sa.func.count().label("count"))
    .select_from(sessions)
    .where(sessions.c.user_id == p("user_id"), *LIVE),
    row=SessionCount,
)
OWNER = tuple(column.label(f"user_{column.name}") for column in USER_COLUMNS)
SELECT_WITH_USER = (
    sa.select(*FRESHNESS, sessions.c.scope, *OWNER)
    .join_from(sessions, users, ACTIVE_USER[0])
    .where(sessions.c.id == p("id"), ACTIVE_USER[1], *LIVE)
)
WITH_USER = Statement(SELECT_WITH_USER, row=UserAndSession)
REFRESHABLE = Statement(
    SELECT_WITH_USER.where(
        sessions.c.refresh_salt == p("salt"),
        sa.or_(
            sessions.c.refresh_generation <= p("presented"),
            sa.and_(
                sessions.c.refresh_generation == p("successor"),
                sessions.c.rotated_at >= p("grace_began"),
            ),
        ),
    ),
    row=UserAndSession,
)
TOUCH = Statement(
    sa.update(sessions)
    .where(sessions.c.id == p("id"), *LIVE)
    .values(last_seen_at=p("now"), idle_expires_at=p("idle"))
)
ROTATION = (
    sa.update(sessions)
    .where(
        sessions.c.id == p("id"),
        sessions.c.refresh_salt == p("salt"),
        sessions.c.refresh_generation <= p("presented"),
        *LIVE,
    )
    .values(
        refresh_generation=p("successor"),
        rotated_at=p("now"),
        last_seen_at=p("now"),
        idle_expires_at=p("idle"),
    )
)
ROTATE = Statement(
    ROTATION.where(sa.exists().where(*ACTIVE_USER)).returning(
        *FRESHNESS, sessions.c.scope, *(of_user(column) for column in USER_COLUMNS)
    ),
    row=UserAndSession,
    # It would plan and run each subquery by itself: a third of the statement's time.
    on_postgresql=ROTATION.where(*ACTIVE_USER).returning(*FRESHNESS, sessions.c.scope, *OWNER),
)
RENEW_AUTH = Statement(
    sa.update(sessions)
    .where(sessions.c.id == p("id"), *LIVE)
    .values(auth_time=p("now"), amr=p("amr"))
)
REPLACE_PAGE_DIGEST = Statement(
    sa.update(sessions)
    .where(sessions.c.id == p("id"), sessions.c.page_digest.is_not(None), *LIVE)
    .values(page_digest=p("page_digest"))
)
END = Statement(
    sa.delete(sessions).where(sessions.c.id == p("id"), sessions.c.user_id == p("user_id"))
)
END_OTHERS = Statement(
    sa.delete(sessions)
    .where(sessions.c.user_id == p("user_id"), sessions.c.id != p("keep"))
    .returning(sessions.c.id),
    row=SessionId,
)
SURPLUS = (
    sa.select(sessions.c.id)
    .where(sessions.c.user_id == p("user_id"), *LIVE)
    .order_by(sessions.c.last_seen_at.desc(), sessions.c.id.desc())
    .offset(p("kept", type_=sa.Integer))
)
END_SURPLUS = Statement(
    sa.delete(sessions).where(sessions.c.id.in_(SURPLUS)).returning(sessions.c.id), row=SessionId
)
SWEEP = Statement(
    sa.delete(sessions).where(
        sa.or_(sessions.c.expires_at <= p("now"), sessions.c.idle_expires_at <= p("now"))
    )
)


async def lock_active_user(db: Handle, user_id: UUID, password_changed_at: datetime | None) -> bool:
    row = await db.one(LOCK_ACTIVE_USER, user_id=user_id, password_changed_at=password_changed_at)
    return row is not None


async def insert(db: Handle, row: Session) -> None:
    await db.run(INSERT, **msgspec.structs.asdict(row))


async def find(db: Handle, session_id: UUID) -> Session | None:
    return await db.one(BY_ID, id=session_id)


async def find_by_page_digest(db: Handle, digest: bytes, now: datetime) -> Session | None:
    return await db.one(BY_PAGE_DIGEST, page_digest=digest, now=now)


async def find_with_user(db: Handle, session_id: UUID, now: datetime) -> SessionOfUser | None:
    row = await db.one(WITH_USER, id=session_id, now=now)
    return None if row is None else split_row(row)


async def find_refreshable(db: Handle, **values: Any) -> SessionOfUser | None:
    row = await db.one(REFRESHABLE, **values)
    return None if row is None else split_row(row)


async def list_for_user(db: Handle, user_id: UUID, now: datetime) -> list[Session]:
    return await db.many(LIST_FOR_USER, user_id=user_id, now=now)


async def page_for_user(
    db: Handle, user_id: UUID, now: datetime, *, after: SessionPosition, size: int
) -> list[Session]:
    return await db.many(
        PAGE_FOR_USER,
        user_id=user_id,
        now=now,
        after_seen_at=after.last_seen_at,
        after_id=after.id,
        size=size,
    )


async def count_for_user(db: Handle, user_id: UUID, now: datetime) -> int:
    counted = await db.one(COUNT_FOR_USER, user_id=user_id, now=now)
    return 0 if counted is None else counted.count


async def touch(db: Handle, session_id: UUID, now: datetime, idle: datetime) -> None:
    await db.run(TOUCH, id=session_id, now=now, idle=idle)


async def rotate(db: Handle, **values: Any) -> SessionOfUser | None:
    row = await db.one(ROTATE, **values)
    return None if row is None else split_row(row)


async def renew_auth(db: Handle, session_id: UUID, amr: str, now: datetime) -> bool:
    return await db.run(RENEW_AUTH, id=session_id, amr=amr, now=now) == 1


async def replace_page_digest(db: Handle, session_id: UUID, digest: bytes, now: datetime) -> bool:
    return await db.run(REPLACE_PAGE_DIGEST, id=session_id, page_digest=digest, now=now) == 1


async def end(db: Handle, session_id: UUID, user_id: UUID) -> bool:
    return await db.run(END, id=session_id, user_id=user_id) == 1


async def end_others(db: Handle, user_id: UUID, keep: UUID) -> list[UUID]:
    return [row.id for row in await db.many(END_OTHERS, user_id=user_id, keep=keep)]


async def end_surplus(db: Handle, user_id: UUID, kept: int, now: datetime) -> list[UUID]:
    return [row.id for row in await db.many(END_SURPLUS, user_id=user_id, kept=kept, now=now)]


async def sweep(db: Handle, now: datetime) -> int:
    return await db.run(SWEEP, now=now)


def split_row(row: Any) -> SessionOfUser:
    session_id, auth_time, amr, scope, *account = msgspec.structs.astuple(row)
    return SessionOfUser(session_id, auth_time, amr, scope, UserRecord(*account))
