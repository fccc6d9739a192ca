"""One SQLAlchemy Core statement, compiled once a dialect and run without an engine.

A `Statement` is a constant of a `repository.py`:

    FIND_USER = Statement(select(users.c.id, users.c.email).where(users.c.id == bindparam("id")),
                          UserRow)
    user = await db.one(FIND_USER, id=user_id)
"""

from __future__ import annotations

import inspect
from typing import Any, Generic, overload

import msgspec
import sqlalchemy as sa
from typing_extensions import TypeVar

from keywright.core.db.compiled import Compiled, returned_columns
from keywright.core.db.refusals import (
    CoreStatement,
    refuse_other_kinds,
    refuse_what_would_lie,
)

Row_co = TypeVar("Row_co", covariant=True)
Struct = TypeVar("Struct", bound=msgspec.Struct)


class Statement(Generic[Row_co]):
    """`row` is the frozen struct whose fields are the returned columns' keys, in their order.

    `long=True` marks a select that may read many rows: on SQLite a reader thread runs it.
    `on_postgresql` does and returns the same in words that SQLite does not have.

    It is looked through when it is first compiled: a process starts with all statements and needs
    few. A test compiles every statement of ours.
    """

    __slots__ = ("_compiled", "core", "long", "on_postgresql", "row", "writes")

    @overload
    def __init__(self: Statement[None], core: CoreStatement, row: None = None) -> None: ...

    @overload
    def __init__(
        self: Statement[Struct],
        core: CoreStatement,
        row: type[Struct],
        *,
        long: bool = False,
        on_postgresql: CoreStatement | None = None,
    ) -> None: ...

    def __init__(
        self,
        core: CoreStatement,
        row: type[msgspec.Struct] | None = None,
        *,
        long: bool = False,
        on_postgresql: CoreStatement | None = None,
    ) -> None:
        refuse_other_kinds(core)
        self.core = core
        self.on_postgresql = on_postgresql
        self.row = row
        self.long = long
        self.writes = core.is_dml
        self._compiled: dict[tuple[str, str, str], Compiled[Any]] = {}

    def compiled(self, dialect: sa.Dialect) -> Compiled[Any]:
        """Raises `TypeError` for what would lie."""
        key = (dialect.name, dialect.driver, dialect.paramstyle)
        compiled = self._compiled.get(key)
        if compiled is None:
            words = self._words(dialect)
            refuse_what_would_lie(words)
            refuse_other_fields(words, self.row)
            compiled = self._compiled[key] = Compiled(words, dialect, self.row)
        return compiled

    def _words(self, dialect: sa.Dialect) -> CoreStatement:
        if self.on_postgresql is None or dialect.name != "postgresql":
            return self.core
        return self.on_postgresql

    def __repr__(self) -> str:
        return f"Statement({' '.join(str(self.core).split())})"


def refuse_other_fields(core: CoreStatement, row: type[msgspec.Struct] | None) -> None:
    keys = tuple(str(column.key) for column in returned_columns(core))
    if row is None:
        if keys:
            raise TypeError(f"This statement returns {', '.join(keys)}: name its row.")
        return
    if row.__struct_fields__ != keys:
        fields = ", ".join(row.__struct_fields__)
        raise TypeError(f"{row.__name__} has {fields}; the statement returns {', '.join(keys)}.")
    refuse_loose_struct(row)


def refuse_loose_struct(row: type[msgspec.Struct]) -> None:
    keywords = inspect.Parameter.KEYWORD_ONLY
    if any(p.kind is keywords for p in inspect.signature(row).parameters.values()):
        raise TypeError(f"{row.__name__} is made from a row's values in order: no kw_only fields.")
    if not row.__struct_config__.frozen:
        raise TypeError(f"{row.__name__} is a row: make it frozen=True.")
