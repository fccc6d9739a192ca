"""`column IN (a list given at the call)`, as one statement that never changes its text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType

from keywright.core.db.processors import to_driver


class ListOf(sa.types.TypeDecorator[Sequence[Any]]):
    """A list of another type's values: an array for PostgreSQL, JSON text for SQLite."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, item: sa.types.TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.Text())
        return dialect.type_descriptor(postgresql.ARRAY(unbounded(self.item, dialect)))

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any]:
        item = to_driver(self.item, dialect)

        def to_items(values: Sequence[Any]) -> list[Any]:
            return [item(value) for value in values] if item else list(values)

        if dialect.name == "sqlite":
            return lambda values: json.dumps(to_items(values), ensure_ascii=False)
        return to_items


def unbounded(item: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
    """A cast to `varchar(3)[]` would cut the values that are asked for down to other ones."""
    stored = item.load_dialect_impl(dialect) if isinstance(item, sa.types.TypeDecorator) else item
    return sa.Text() if isinstance(stored, sa.String) else item


class InList(FunctionElement[bool]):
    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Self:  # noqa: ARG002 - its signature
        """Stands in a WHERE as it is: SQLite's `(…) = 1` around it would hide the index."""
        return self


def in_list(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """`column` is one of the list that the call gives as `name`; an empty list matches nothing."""
    return InList(column, sa.bindparam(name, type_=ListOf(column.type)))


@compiles(InList)
def compile_for_readers(element: InList, compiler: SQLCompiler, **options: Any) -> str:
    """For the text of no dialect, which a statement's repr shows."""
    column, values = element.clauses
    return f"{compiler.process(column, **options)} IN {compiler.process(values, **options)}"


@compiles(InList, "postgresql")
def compile_any(element: InList, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **options)} = ANY ({compiler.process(values, **options)})"


@compiles(InList, "sqlite")
def compile_json_each(element: InList, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    listed = f"SELECT value FROM json_each({compiler.process(values, **options)})"  # noqa: S608 - compiled text
    return f"{compiler.process(column, **options)} IN ({listed})"
