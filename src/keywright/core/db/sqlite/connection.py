"""One connection to SQLite and the statements on it; everything here runs to its end inline."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from keywright.core.db.dialects import SQLITE
from keywright.core.db.sqlite.errors import translated
from keywright.core.db.statement import Statement

Row = TypeVar("Row")
# What the sqlite3 module raises for a value or a file; anything else is a mistake in the code.
DRIVER_ERRORS = (sqlite3.Error, OverflowError, UnicodeEncodeError)


class SqliteConnection:
    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw

    def one(self, statement: Statement[Row], values: Mapping[str, Any]) -> Row | None:
        compiled = statement.compiled(SQLITE)
        arguments = compiled.arguments(values)
        try:
            cursor = self.raw.execute(compiled.sql, arguments)
            record = cursor.fetchone()
            cursor.close()  # an open cursor would hold on to its snapshot
        except DRIVER_ERRORS as error:
            raise_translated(error)
        return None if record is None else compiled.row(record)

    def many(self, statement: Statement[Row], values: Mapping[str, Any]) -> list[Row]:
        compiled = statement.compiled(SQLITE)
        arguments = compiled.arguments(values)
        try:
            records = self.raw.execute(compiled.sql, arguments).fetchall()
        except DRIVER_ERRORS as error:
            raise_translated(error)
        return [compiled.row(record) for record in records]

    def run(self, statement: Statement[Any], values: Mapping[str, Any]) -> int:
        compiled = statement.compiled(SQLITE)
        arguments = compiled.arguments(values)
        try:
            cursor = self.raw.execute(compiled.sql, arguments)
            touched = len(cursor.fetchall()) if statement.row else cursor.rowcount
            cursor.close()
        except DRIVER_ERRORS as error:
            raise_translated(error)
        return touched

    def ping(self) -> None:
        self.command("SELECT 1 FROM sqlite_schema LIMIT 1")

    def command(self, sql: str) -> None:
        """BEGIN, COMMIT and their like."""
        try:
            self.raw.execute(sql).close()
        except sqlite3.Error as error:
            raise_translated(error)


def raise_translated(error: Exception) -> NoReturn:
    raised = translated(error)
    if raised is error:
        raise error
    raise raised from error
