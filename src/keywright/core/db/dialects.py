"""The SQLAlchemy dialects that statements are compiled for. Neither loads a driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.compiler import SQLCompiler


class QualifiedReturning(SQLiteCompiler):
    """Keeps the table's name before a column inside RETURNING.

    The stock compiler drops it in subqueries too, where `user.id = session.user_id` becomes
    `id = user_id` and may quietly mean another table's column.
    """

    def returning_clause(
        self,
        stmt: sa.UpdateBase,
        returning_cols: Sequence[Any],
        *,
        populate_result_map: bool,
        **kw: Any,
    ) -> str:
        return SQLCompiler.returning_clause(
            self, stmt, returning_cols, populate_result_map=populate_result_map, **kw
        )


class SqliteDialect(SQLiteDialect_pysqlite):
    statement_compiler = QualifiedReturning
    supports_statement_cache = True


SQLITE: sa.Dialect = SqliteDialect()
POSTGRESQL: sa.Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]  # SQLAlchemy left it untyped
