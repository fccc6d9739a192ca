"""What a `Statement` refuses before it is first used, because it would lie from then on.

Each check raises `TypeError` with a sentence that says what to write instead.
"""

from __future__ import annotations

import warnings
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler

from keywright.core.db.dialects import POSTGRESQL

CoreStatement = sa.Select[Any] | sa.CompoundSelect[Any] | sa.Insert | sa.Update | sa.Delete


def refuse_other_kinds(core: CoreStatement) -> None:
    if not isinstance(core, (sa.Select, sa.CompoundSelect, sa.Insert, sa.Update, sa.Delete)):
        raise TypeError(f"A Statement is a select, insert, update or delete, not {core!r}.")


def refuse_what_would_lie(core: CoreStatement) -> None:
    parts = list(visitors.iterate(core))
    refuse_sqlite_insert(core)
    refuse_writing_ctes(parts)
    refuse_expanding_in(parts)
    refuse_arrays(parts)
    compiled = refuse_warnings(core)
    if isinstance(core, (sa.Insert, sa.Update)):
        refuse_unwritten_values(core, compiled)
        refuse_computed_columns(compiled)
    refuse_rendered_literals(compiled)
    refuse_unclear_parameters(compiled)


def refuse_warnings(core: CoreStatement) -> SQLCompiler:
    with warnings.catch_warnings():
        warnings.simplefilter("error", sa.exc.SAWarning)
        try:
            return compile_for(POSTGRESQL, core)
        except sa.exc.SAWarning as warning:
            raise TypeError(str(warning)) from warning


def compile_for(dialect: sa.Dialect, core: CoreStatement) -> SQLCompiler:
    """Writes only the columns that the statement names itself."""
    column_keys: list[str] | None = [] if core.is_dml else None
    compiled = core.compile(dialect=dialect, column_keys=column_keys)
    assert isinstance(compiled, SQLCompiler)
    return compiled


def refuse_sqlite_insert(core: CoreStatement) -> None:
    if isinstance(core, sqlite.Insert):
        raise TypeError("Use postgresql.insert for upserts: both databases understand it.")


def refuse_writing_ctes(parts: list[Any]) -> None:
    if any(isinstance(part, sa.CTE) and part.element.is_dml for part in parts):
        raise TypeError("SQLite has no INSERT, UPDATE or DELETE inside WITH: use a transaction.")


def refuse_expanding_in(parts: list[Any]) -> None:
    if any(isinstance(part, sa.BindParameter) and part.expanding for part in parts):
        raise TypeError("column.in_() is rendered anew for each list: use core.db.in_list.")


def refuse_arrays(parts: list[Any]) -> None:
    typed = (part for part in parts if isinstance(part, sa.ColumnElement))
    if any(isinstance(part.type, sa.ARRAY) for part in typed):
        raise TypeError("SQLite has no arrays: use a table, a JsonObject or core.db.in_list.")


def refuse_rendered_literals(compiled: SQLCompiler) -> None:
    if rendered := [bind.value for bind in compiled.literal_execute_params]:
        raise TypeError(
            f"{rendered[0]!r} would be rendered anew for each call: write it as "
            "literal_column(\"','\") instead (as the separator of aggregate_strings, say)."
        )


def refuse_unclear_parameters(compiled: SQLCompiler) -> None:
    kinds: dict[str, object] = {}
    for parameter, name in compiled.bind_names.items():
        if parameter.unique and not parameter.required:
            continue  # a constant of the statement
        kind = getattr(parameter.type, "members", type(parameter.type))  # which enum, if any
        if parameter.unique or not parameter.required:
            raise TypeError(f"bindparam({name!r}) takes neither a value nor unique=True here.")
        if kind is sa.types.NullType:
            raise TypeError(f"bindparam({name!r}) stands beside no column: give it a type_.")
        if kinds.setdefault(name, kind) is not kind:
            raise TypeError(f"bindparam({name!r}) is used with two types: use two names.")


def refuse_unwritten_values(core: sa.Insert | sa.Update, compiled: SQLCompiler) -> None:
    """Without `.values(…)`, compiling alone writes every column of the table."""
    try:
        alone = str(core.compile(dialect=POSTGRESQL))
    except sa.exc.CompileError:
        alone = ""  # a WHERE parameter clashes with a column that nobody named
    if alone != str(compiled):
        raise TypeError(f"Name what is written: {core.table}.values(name=bindparam('name'), …).")


def refuse_computed_columns(compiled: SQLCompiler) -> None:
    fetched = compiled.insert_prefetch if compiled.isinsert else compiled.update_prefetch
    if computed := [*fetched, *(compiled.implicit_returning or ())]:
        raise TypeError(
            f"{computed[0]} would get its value from default=, onupdate= or the server, which "
            "nobody runs here: give the value (times and ids come from core)."
        )
