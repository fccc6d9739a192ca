"""Transactions that take turns, whatever rows they touch."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from keywright.core.db.statement import Statement


class Turn(msgspec.Struct, frozen=True):
    turn: Any


class TakeTurn(FunctionElement[Any]):
    inherit_cache = True


def take_turn(number: int) -> Statement[Turn]:
    """A statement that waits for every other transaction which took its turn under this number,
    and keeps the next ones waiting until its own ends. Those that follow see what was done.

    It comes first in a transaction: who waits here holds nothing that another waits for.
    """
    return Statement(sa.select(TakeTurn(sa.literal(number, sa.BigInteger)).label("turn")), row=Turn)


@compiles(TakeTurn)
def compile_for_one_writer(_element: TakeTurn, _compiler: SQLCompiler, **_options: Any) -> str:
    """SQLite has one writer: its transactions take turns as they are."""
    return "1"


@compiles(TakeTurn, "postgresql")
def compile_advisory_lock(element: TakeTurn, compiler: SQLCompiler, **options: Any) -> str:
    """Of the transaction, not of the connection, which goes back to a pool."""
    (number,) = element.clauses
    return f"pg_advisory_xact_lock({compiler.process(number, **options)})"
