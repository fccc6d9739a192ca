"""What a statement refuses when it is made, and how it is compiled."""

from __future__ import annotations

import enum
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
import sqlalchemy as sa
from parts import people
from sqlalchemy import bindparam
from sqlalchemy.dialects import sqlite

from keywright.core.db import Statement, TextEnum, in_list
from keywright.core.db.dialects import POSTGRESQL, SQLITE

things = sa.Table(
    "thing",
    sa.MetaData(),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.String(10)),
    sa.Column("size", sa.Integer),
)
counted = sa.Table(
    "counted",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("n", sa.Integer),
)
stamped = sa.Table(
    "stamped",
    sa.MetaData(),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("made", sa.Integer, default=1),
    sa.Column("changed", sa.Integer, onupdate=2),
)
listed = sa.Table("listed", sa.MetaData(), sa.Column("names", sa.ARRAY(sa.String)))


class Color(enum.Enum):
    RED = "red"


class Fabric(enum.Enum):
    SILK = "silk"


shirts = sa.Table(
    "shirt",
    sa.MetaData(),
    sa.Column("color", TextEnum(Color)),
    sa.Column("fabric", TextEnum(Fabric)),
)


class Named(msgspec.Struct, frozen=True):
    id: UUID
    name: str


class Loose(msgspec.Struct):
    id: UUID
    name: str


class ByKeyword(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str


ALL = sa.select(things.c.id, things.c.name)
BY_ID = things.c.id == bindparam("id")
INSERTED = sa.insert(things).values(id=bindparam("id")).returning(things.c.id).cte()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Statement(sa.insert(things)), "no explicit value is passed"),
        (lambda: Statement(sa.insert(listed)), "Name what is written"),
        (lambda: Statement(sa.update(things).where(BY_ID)), "Name what is written"),
        (lambda: Statement(sa.insert(counted).values(n=bindparam("n"))), "give the value"),
        (lambda: Statement(sa.insert(stamped).values(id=bindparam("id"))), "give the value"),
        (lambda: Statement(sa.update(stamped).values(made=bindparam("m"))), "give the value"),
        (lambda: Statement(ALL.where(things.c.id.in_([uuid4()])), Named), "use core.db.in_list"),
        (
            lambda: Statement(ALL.where(things.c.id.in_(bindparam("i", expanding=True))), Named),
            "use core.db.in_list",
        ),
        (lambda: Statement(sqlite.insert(things).values(id=bindparam("id"))), "postgresql.insert"),
        (lambda: Statement(sa.select(INSERTED.c.id, INSERTED.c.id.label("name")), Named), "WITH"),
        (lambda: Statement(sa.select(listed.c.names), Named), "no arrays"),
        (
            lambda: Statement(sa.select(sa.func.aggregate_strings(things.c.name, ",")), Named),
            "literal_column",
        ),
        (lambda: Statement(ALL.limit(bindparam("n")), Named), "give it a type_"),
        (lambda: Statement(ALL.where(things.c.size == bindparam("n", 3)), Named), "neither"),
        (
            lambda: Statement(sa.update(things).where(BY_ID).values(size=bindparam("id"))),
            "two types",
        ),
        (
            lambda: Statement(
                sa.delete(shirts).where(
                    shirts.c.color == bindparam("x"), shirts.c.fabric == bindparam("x")
                )
            ),
            "two types",
        ),
        (lambda: Statement(sa.text("SELECT 1")), "a select, insert"),
        (lambda: Statement(ALL), "name its row"),
        (lambda: Statement(sa.select(things.c.id), Named), "Named has id, name"),
        (lambda: Statement(sa.select(things.c.name, things.c.id), Named), "returns name, id"),
        (lambda: Statement(sa.delete(things), Named), "Named has id, name"),
        (lambda: Statement(ALL, Loose), "frozen=True"),
        (lambda: Statement(ALL, ByKeyword), "no kw_only"),
    ],
)
@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL])
def test_what_would_lie_is_refused(
    make: Callable[[], Any], sentence: str, dialect: sa.Dialect
) -> None:
    with pytest.raises(TypeError, match=sentence):
        make().compiled(dialect)


def test_it_is_compiled_once_for_each_dialect() -> None:
    statement = Statement(ALL.where(BY_ID), Named)
    for dialect in (SQLITE, POSTGRESQL):
        assert statement.compiled(dialect) is statement.compiled(dialect)
    assert statement.compiled(SQLITE) is not statement.compiled(POSTGRESQL)


def test_the_text_never_depends_on_the_list() -> None:
    statement = Statement(ALL.where(in_list(things.c.id, "ids")), Named)
    assert statement.compiled(POSTGRESQL).sql.endswith("thing.id = ANY ($1::UUID[])")
    assert statement.compiled(SQLITE).sql.endswith("thing.id IN (SELECT value FROM json_each(?))")


def test_its_text_can_be_read() -> None:
    assert repr(Statement(sa.delete(things))) == "Statement(DELETE FROM thing)"


def test_using_the_layer_on_sqlite_needs_no_driver_of_postgresql() -> None:
    """Neither asyncpg nor greenlet is there in a plain installation."""
    script = (
        "import sys; sys.modules['asyncpg'] = sys.modules['greenlet'] = None\n"
        "from keywright.core.db import open_database\n"
        "from keywright.core.errors import ConfigurationError\n"
        "open_database('sqlite://')\n"
        "try: open_database('postgresql://localhost/name')\n"
        "except ConfigurationError as error: print(error.detail)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert "keywright[postgres]" in done.stdout


def test_people_statements_are_typed() -> None:
    assert people.FIND.row is people.Person
    assert people.ADD.row is None
    assert people.ADD.writes
    assert not people.FIND.writes


def test_postgresql_may_be_asked_in_words_of_its_own() -> None:
    asked = sa.select(people.people.c.email)
    statement = Statement(asked, people.Email, on_postgresql=asked.with_for_update())
    assert "FOR UPDATE" in statement.compiled(POSTGRESQL).sql
    assert statement.compiled(SQLITE).sql == Statement(asked, people.Email).compiled(SQLITE).sql


def test_its_words_for_postgresql_answer_the_same_columns() -> None:
    asked = sa.select(people.people.c.email)
    statement = Statement(asked, people.Email, on_postgresql=sa.select(people.people.c.id))
    with pytest.raises(TypeError, match="the statement returns id"):
        statement.compiled(POSTGRESQL)
