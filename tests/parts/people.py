"""A small schema with one column of each type, and statements on it, for tests of the data layer."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert as upsert

from keywright.core.db import JsonObject, Statement, TextEnum, UtcDateTime, in_list
from keywright.core.db.metadata import NAMING_CONVENTION

metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class Status(enum.StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


people = sa.Table(
    "kw_person",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", sa.String(320), nullable=False, unique=True),
    sa.Column("verified", sa.Boolean, nullable=False),
    sa.Column("status", TextEnum(Status), nullable=False),
    sa.Column("preferences", JsonObject),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("secret", sa.LargeBinary),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("balance", sa.BigInteger),
)

roles = sa.Table(
    "kw_person_role",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.ForeignKey(people.c.id), nullable=False),
    sa.Column("name", sa.String(32), nullable=False),
    sa.UniqueConstraint("person_id", "name"),
)


class Person(msgspec.Struct, frozen=True):
    id: UUID
    email: str
    verified: bool
    status: Status
    preferences: dict[str, Any] | list[Any] | None
    created_at: datetime
    secret: bytes | None
    generation: int
    balance: int | None


class Role(msgspec.Struct, frozen=True):
    id: UUID
    person_id: UUID
    name: str


class Rotated(msgspec.Struct, frozen=True):
    id: UUID
    generation: int
    email: str
    roles: str | None


class Generation(msgspec.Struct, frozen=True):
    generation: int


class Email(msgspec.Struct, frozen=True):
    email: str


every_column = {column.name: bindparam(column.name) for column in people.c}
named_roles = (
    sa.select(sa.func.aggregate_strings(roles.c.name, sa.literal_column("','")))
    .where(roles.c.person_id == people.c.id)
    .scalar_subquery()
    .label("roles")
)
# A role has an `id` and a person too: the inner one must not be taken for the outer one.
role_owner = sa.select(people.c.email).where(people.c.id == roles.c.person_id).scalar_subquery()

ADD = Statement(sa.insert(people).values(every_column))
ADD_RETURNING = Statement(sa.insert(people).values(every_column).returning(*people.c), Person)
FIND = Statement(sa.select(people).where(people.c.id == bindparam("id")), Person)
LIST = Statement(sa.select(people).order_by(people.c.email), Person)
LIST_LONG = Statement(sa.select(people).order_by(people.c.email), Person, long=True)
FIRST_EMAILS = Statement(
    sa.select(people.c.email).order_by(people.c.email).limit(bindparam("n", type_=sa.Integer)),
    Email,
)
AMONG_IDS = Statement(sa.select(people).where(in_list(people.c.id, "ids")), Person)
AMONG_EMAILS = Statement(sa.select(people).where(in_list(people.c.email, "emails")), Person)
AMONG_TIMES = Statement(sa.select(people).where(in_list(people.c.created_at, "times")), Person)
AMONG_STATUSES = Statement(sa.select(people).where(in_list(people.c.status, "statuses")), Person)
OLDER_THAN = Statement(sa.select(people).where(people.c.created_at < bindparam("instant")), Person)
ACTIVE = Statement(sa.select(people).where(people.c.status == Status.ACTIVE), Person)
ADVANCE = Statement(
    sa.update(people)
    .where(people.c.id == bindparam("id"))
    .values(generation=people.c.generation + 1)
)
ADVANCE_RETURNING = Statement(
    sa.update(people)
    .where(people.c.id == bindparam("id"))
    .values(generation=people.c.generation + 1)
    .returning(people.c.generation),
    Generation,
)
ADVANCE_FROM = Statement(
    sa.update(people)
    .where(people.c.id == bindparam("id"), people.c.generation == bindparam("seen"))
    .values(generation=bindparam("seen", type_=sa.Integer) + 1)
)
ADVANCE_ALL = Statement(sa.update(people).values(generation=people.c.generation + 1))
DISABLE = Statement(
    sa.update(people).where(people.c.id == bindparam("id")).values(status=Status.DISABLED)
)
RENAME_ROLE = Statement(
    sa.update(roles)
    .where(roles.c.id == bindparam("id"))
    .values(name=bindparam("name"))
    .returning(roles.c.id, role_owner.label("email")),
    msgspec.defstruct("RoleOwner", [("id", UUID), ("email", str)], frozen=True),
)
ROTATE = Statement(
    sa.update(people)
    .where(people.c.id == bindparam("id"), people.c.generation <= bindparam("presented"))
    .values(generation=bindparam("presented", type_=sa.Integer) + 1)
    .returning(people.c.id, people.c.generation, people.c.email, named_roles),
    Rotated,
)
SAVE = Statement(
    upsert(people)
    .values(every_column)
    .on_conflict_do_update(index_elements=["email"], set_={"balance": bindparam("balance")})
    .returning(*people.c),
    Person,
)
REMOVE = Statement(sa.delete(people).where(people.c.id == bindparam("id")))
REMOVE_ALL = Statement(sa.delete(people))
ADD_ROLE = Statement(
    sa.insert(roles).values(
        id=bindparam("id"), person_id=bindparam("person_id"), name=bindparam("name")
    )
)
LIST_ROLES = Statement(sa.select(roles), Role)


def a_person(**changes: Any) -> dict[str, Any]:
    """The values of a person whom nobody else resembles."""
    identity = uuid4()
    return {
        "id": identity,
        "email": f"{identity.hex}@example.org",
        "verified": True,
        "status": Status.ACTIVE,
        "preferences": {"theme": "dark"},
        "created_at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "secret": b"\x00\xff",
        "generation": 0,
        "balance": None,
        **changes,
    }


def schema(dialect: sa.Dialect) -> list[str]:
    return [str(sa.schema.CreateTable(t).compile(dialect=dialect)) for t in metadata.sorted_tables]
