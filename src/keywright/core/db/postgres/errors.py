"""What asyncpg raises, in the data layer's words."""

from __future__ import annotations

from typing import NoReturn

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from keywright.core.db.errors import DatabaseUnavailable, commit_unconfirmed
from keywright.core.db.sqlstate import from_misfit, from_sqlstate, is_settled

# A TimeoutError is an OSError.
DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


def raise_translated(error: Exception) -> NoReturn:
    raised = translated(error)
    if raised is None:
        raise error
    raise raised from error


def translated(error: Exception) -> Exception | None:
    """The error to raise `from` this one; None if it means a mistake of ours."""
    if isinstance(error, asyncpg.DataError) and error.__cause__ is not None:
        return from_misfit(error.__cause__)
    if isinstance(error, asyncpg.PostgresError):
        return from_sqlstate(error.sqlstate or "", error.constraint_name or "")
    if isinstance(error, asyncpg.InterfaceError) and "in progress" in str(error):
        return None  # two tasks use one transaction
    return DatabaseUnavailable()


def raise_from_write(error: Exception) -> NoReturn:
    """The same for COMMIT, and for a write that commits itself: without the server's own word
    nobody knows what came of it.
    """
    unanswered = not is_settled(getattr(error, "sqlstate", None) or "")
    if unanswered and isinstance(translated(error), DatabaseUnavailable):
        raise commit_unconfirmed() from error
    raise_translated(error)
