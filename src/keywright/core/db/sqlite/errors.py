"""What SQLite says, in the data layer's words."""

from __future__ import annotations

import sqlite3

from keywright.core.db.errors import (
    DatabaseUnavailable,
    ForeignKeyViolation,
    UniqueViolation,
    UnstorableValue,
)

UNIQUE = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
}
# The file, the disk or another process stands in the way; the statement itself is fine.
OUTAGES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}


def extended_code(error: BaseException | None) -> int:
    """SQLite's own code; 0 for what the Python module refused by itself."""
    return getattr(error, "sqlite_errorcode", 0)


def is_busy(error: BaseException) -> bool:
    """Another process's lock was in the way; `error` is SQLite's own or translated."""
    code = extended_code(error) or extended_code(error.__cause__)
    return code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def translated(error: BaseException) -> BaseException:
    """The error to raise `from` this one; the same one if it means a mistake in the code."""
    code = extended_code(error)
    if code in UNIQUE:
        return unique_violation(str(error))
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return ForeignKeyViolation()
    if code & 0xFF in OUTAGES or isinstance(error, OSError):
        return DatabaseUnavailable()
    if code == sqlite3.SQLITE_TOOBIG or isinstance(error, (OverflowError, UnicodeEncodeError)):
        return UnstorableValue()
    return error


def unique_violation(message: str) -> UniqueViolation:
    """From `UNIQUE constraint failed: kw_user.email, kw_user.realm`, or `…: index 'ix_…'`."""
    what = message.partition(": ")[2]
    if what.startswith("index '"):
        return UniqueViolation(what.removeprefix("index '").removesuffix("'"))
    return UniqueViolation(columns=what.split(", "))
