"""Every statement on accounts and their roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import combinations
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from keywright.accounts.users.models import (
    AccountFacts,
    GivenRole,
    UserCount,
    UserId,
    UserRecord,
)
from keywright.accounts.users.table import roles, users
from keywright.core.db import Handle, Statement, in_list, take_turn
from keywright.core.principal import SIGNING_IN, UserStatus

p = sa.bindparam
COMMA: Any = sa.literal_column("','", sa.String)  # no parameter: it would be rendered late
ROLES_OF_USER = (
    sa.select(sa.func.aggregate_strings(roles.c.role, COMMA))
    .where(roles.c.user_id == users.c.id)
    .scalar_subquery()
    .label("roles")
)
PERSONAL = (
    "email_verified_at",
    "username",
    "username_folded",
    "name",
    "locale",
    "password_hash",
    "password_changed_at",
    "profile",
    "sign_up_digest",
    "notifications",
)
COLUMNS: tuple[Any, ...] = (
    *(users.c[name] for name in UserRecord.__struct_fields__ if name != "roles"),
    ROLES_OF_USER,
)

NOT_DELETED = users.c.status != UserStatus.DELETED

BY_ID = Statement(sa.select(*COLUMNS).where(users.c.id == p("id")), row=UserRecord)
BY_EMAIL = Statement(
    sa.select(*COLUMNS).where(users.c.email_folded == p("email_folded")), row=UserRecord
)
BY_USERNAME = Statement(
    sa.select(*COLUMNS).where(users.c.username_folded == p("username_folded")), row=UserRecord
)
OWN_COLUMNS = tuple(users.c[name] for name in AccountFacts.__struct_fields__)
FACTS = Statement(sa.select(*OWN_COLUMNS).where(users.c.id == p("id")), row=AccountFacts)
ROLES_GIVEN = Statement(
    sa.select(*(roles.c[name] for name in GivenRole.__struct_fields__))
    .where(roles.c.user_id == p("user_id"))
    .order_by(roles.c.role, roles.c.source),
    row=GivenRole,
)
INSERT_UNLESS_TAKEN = Statement(
    upsert(users)
    .values({column.name: p(column.name) for column in users.c})
    .on_conflict_do_nothing()
    .returning(users.c.id),
    row=UserId,
)
LIST = Statement(
    sa.select(*COLUMNS)
    .where(users.c.id > p("after"), NOT_DELETED)
    .order_by(users.c.id)
    .limit(p("size", type_=sa.Integer)),
    row=UserRecord,
)
HOLDS_ROLE = users.c.id.in_(sa.select(roles.c.user_id).where(roles.c.role == p("role")))
# What an administrator may look for. A part of a name has no index on either database without an
# extension: 100,000 accounts are read in about a tenth of a second. A role goes by its index.
FILTERS: dict[str, sa.ColumnElement[bool]] = {
    "search": sa.or_(
        users.c.email_folded.like(p("folded"), escape="\\"),
        users.c.username_folded.like(p("folded"), escape="\\"),
        users.c.name.ilike(p("named"), escape="\\"),
    ),
    "role": HOLDS_ROLE,
    "status": users.c.status == p("status"),
}
COMBINATIONS = [
    frozenset(names) for count in range(len(FILTERS) + 1) for names in combinations(FILTERS, count)
]
FIND_NEWEST = {
    names: Statement(
        sa.select(*COLUMNS)
        .where(users.c.id < p("before"), NOT_DELETED, *(FILTERS[name] for name in sorted(names)))
        .order_by(users.c.id.desc())
        .limit(p("size", type_=sa.Integer)),
        row=UserRecord,
        long=True,
    )
    for names in COMBINATIONS
}
COUNT = {
    names: Statement(
        sa.select(sa.func.count().label("count"))
        .select_from(users)
        .where(NOT_DELETED, *(FILTERS[name] for name in sorted(names))),
        row=UserCount,
        long=True,
    )
    for names in COMBINATIONS
}
SET_PASSWORD = Statement(
    sa.update(users)
    .where(users.c.id == p("user_id"), users.c.status == UserStatus.ACTIVE)
    .values(
        password_hash=p("password_hash"),
        password_changed_at=p("now"),
        updated_at=p("now"),
        sign_up_digest=None,
    )
)
REHASH_PASSWORD = Statement(
    sa.update(users)
    .where(users.c.id == p("user_id"), users.c.password_hash == p("old_hash"))
    .values(password_hash=p("new_hash"))
)
SET_VERIFIED = Statement(
    sa.update(users)
    .where(users.c.id == p("user_id"), users.c.status == UserStatus.ACTIVE)
    .values(email_verified_at=p("now"), updated_at=p("now"), sign_up_digest=None)
)
SET_EMAIL = Statement(
    sa.update(users)
    .where(users.c.id == p("user_id"), sa.or_(*(users.c.status == one for one in SIGNING_IN)))
    .values(
        email=p("email"),
        email_folded=p("email_folded"),
        email_verified_at=p("now"),
        sign_up_digest=None,
        updated_at=p("now"),
    )
)
DROP_PASSWORD = Statement(
    sa.update(users)
    .where(users.c.id == p("user_id"))
    .values(password_hash=None, password_changed_at=p("now"), updated_at=p("now"))
)
SET_STATUS = Statement(
    sa.update(users)
    .where(users.c.id == p("user_id"), users.c.status == p("was"))
    .values(status=p("status"), updated_at=p("now"))
)
SET_DETAILS = Statement(
    sa.update(users)
    .where(users.c.id == p("user_id"), users.c.status == p("status"))
    .values(
        name=p("name"),
        username=p("username"),
        username_folded=p("username_folded"),
        locale=p("locale"),
        profile=p("profile"),
        notifications=p("notifications"),
        updated_at=p("now"),
    )
)
GRANT_ROLE = Statement(
    upsert(roles)
    .values({column.name: p(column.name) for column in roles.c})
    .on_conflict_do_nothing()
)
TAKE_TURN = take_turn(0x6B65_7977_0001)  # "keyw", 1: this application's alone in its database
LOCK = Statement(
    sa.select(users.c.id).where(in_list(users.c.id, "ids")).order_by(users.c.id).with_for_update(),
    row=UserId,
)
ROLE_HOLDERS = Statement(
    sa.select(users.c.id)
    .where(users.c.status == UserStatus.ACTIVE, HOLDS_ROLE)
    .order_by(users.c.id)
    .limit(p("size", type_=sa.Integer)),
    row=UserId,
)
REVOKE_ROLE = Statement(
    sa.delete(roles).where(
        roles.c.user_id == p("user_id"),
        roles.c.role == p("role"),
        roles.c.source == p("source"),
    )
)
REVOKE_ALL_ROLES = Statement(sa.delete(roles).where(roles.c.user_id == p("user_id")))
ERASE = Statement(
    sa.update(users)
    .where(users.c.id == p("user_id"), NOT_DELETED)
    .values(
        dict.fromkeys(PERSONAL)
        | {"email": p("placeholder"), "email_folded": p("placeholder")}
        | {"status": UserStatus.DELETED, "updated_at": p("now")}
    )
)


async def find(db: Handle, user_id: UUID) -> UserRecord | None:
    return await db.one(BY_ID, id=user_id)


async def find_facts(db: Handle, user_id: UUID) -> AccountFacts | None:
    return await db.one(FACTS, id=user_id)


async def list_roles_given(db: Handle, user_id: UUID) -> list[GivenRole]:
    return await db.many(ROLES_GIVEN, user_id=user_id)


async def find_by_email(db: Handle, email_folded: str) -> UserRecord | None:
    return await db.one(BY_EMAIL, email_folded=email_folded)


async def find_by_username(db: Handle, username_folded: str) -> UserRecord | None:
    return await db.one(BY_USERNAME, username_folded=username_folded)


async def insert_unless_taken(db: Handle, **values: Any) -> bool:
    return await db.one(INSERT_UNLESS_TAKEN, **values) is not None


async def take_turn_to_administer(tx: Handle) -> None:
    await tx.one(TAKE_TURN)


async def lock(db: Handle, user_ids: Iterable[UUID]) -> None:
    """Hold the accounts' rows until the transaction ends; always taken in the same order."""
    await db.many(LOCK, ids=sorted(set(user_ids)))


async def list_after(db: Handle, after: UUID, size: int) -> list[UserRecord]:
    return await db.many(LIST, after=after, size=size)


async def find_newest(
    db: Handle, wanted: Mapping[str, Mapping[str, Any]], *, before: UUID, size: int
) -> list[UserRecord]:
    """`wanted` names filters, each with its values."""
    return await db.many(
        FIND_NEWEST[frozenset(wanted)], before=before, size=size, **values_of(wanted)
    )


async def count(db: Handle, wanted: Mapping[str, Mapping[str, Any]]) -> int:
    counted = await db.one(COUNT[frozenset(wanted)], **values_of(wanted))
    return 0 if counted is None else counted.count


def values_of(wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: value for values in wanted.values() for name, value in values.items()}


async def set_password(db: Handle, user_id: UUID, password_hash: str, now: datetime) -> bool:
    return await db.run(SET_PASSWORD, user_id=user_id, password_hash=password_hash, now=now) == 1


async def replace_hash(db: Handle, user_id: UUID, old_hash: str, new_hash: str) -> None:
    await db.run(REHASH_PASSWORD, user_id=user_id, old_hash=old_hash, new_hash=new_hash)


async def set_verified(db: Handle, user_id: UUID, now: datetime) -> bool:
    return await db.run(SET_VERIFIED, user_id=user_id, now=now) == 1


async def set_email(
    db: Handle, user_id: UUID, email: str, email_folded: str, now: datetime
) -> bool:
    values = {"email": email, "email_folded": email_folded, "now": now}
    return await db.run(SET_EMAIL, user_id=user_id, **values) == 1


async def drop_password(db: Handle, user_id: UUID, now: datetime) -> None:
    await db.run(DROP_PASSWORD, user_id=user_id, now=now)


async def set_status(
    db: Handle, user_id: UUID, was: UserStatus, status: UserStatus, now: datetime
) -> bool:
    return await db.run(SET_STATUS, user_id=user_id, was=was, status=status, now=now) == 1


async def set_details(db: Handle, user_id: UUID, now: datetime, **details: Any) -> bool:
    return await db.run(SET_DETAILS, user_id=user_id, now=now, **details) == 1


async def grant_role(db: Handle, user_id: UUID, role: str, source: str, now: datetime) -> None:
    await db.run(GRANT_ROLE, user_id=user_id, role=role, source=source, granted_at=now)


async def revoke_role(db: Handle, user_id: UUID, role: str, source: str) -> bool:
    return await db.run(REVOKE_ROLE, user_id=user_id, role=role, source=source) == 1


async def find_active_holders(db: Handle, role: str, size: int) -> list[UUID]:
    """The first active accounts that hold `role`."""
    return [row.id for row in await db.many(ROLE_HOLDERS, role=role, size=size)]


async def erase(db: Handle, user_id: UUID, placeholder: str, now: datetime) -> bool:
    """Leave a tombstone: the id and when it was made."""
    await db.run(REVOKE_ALL_ROLES, user_id=user_id)
    return await db.run(ERASE, user_id=user_id, placeholder=placeholder, now=now) == 1
