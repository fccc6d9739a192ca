"""What SQLAlchemy raises around a driver's error, in the data layer's words."""

from __future__ import annotations

import sqlite3
from typing import NoReturn

import sqlalchemy as sa

from keywright.core.db.errors import DatabaseUnavailable, UnstorableValue
from keywright.core.db.sqlite import errors as sqlite_errors
from keywright.core.db.sqlstate import DATA_EXCEPTION, from_misfit, from_sqlstate

# SQLAlchemy wraps the driver's own errors, and lets through what a driver did not expect.
DRIVER_ERRORS = (sa.exc.DBAPIError, OverflowError, UnicodeEncodeError)


def raise_translated(error: Exception) -> NoReturn:
    raised = translated(error)
    if raised is None:
        raise error
    raise raised from error


def translated(error: Exception) -> BaseException | None:
    """The error to raise `from` this one; None if it means a mistake of ours."""
    if not isinstance(error, sa.exc.DBAPIError):
        return UnstorableValue()
    driver = error.orig
    if isinstance(driver, sqlite3.Error):
        raised = sqlite_errors.translated(driver)
        return None if raised is driver else raised
    if error.connection_invalidated:
        return DatabaseUnavailable()
    sqlstate = getattr(driver, "sqlstate", None) or ""
    refused = getattr(driver, "__cause__", None)
    if sqlstate == DATA_EXCEPTION and refused is not None and refused.__cause__ is not None:
        return from_misfit(refused.__cause__)
    return from_sqlstate(sqlstate, violated_constraint(driver))


def violated_constraint(driver: BaseException | None) -> str:
    """From asyncpg's error, which SQLAlchemy's adapter wraps, or from psycopg's `diag`."""
    for source in (getattr(driver, "__cause__", None), getattr(driver, "diag", None)):
        if name := getattr(source, "constraint_name", None):
            return str(name)
    return ""
