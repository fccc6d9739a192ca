"""What PostgreSQL says, in the data layer's words. Knows its error codes, and no driver.

Codes: PostgreSQL manual, Appendix A.
"""

from __future__ import annotations

from keywright.core.db.errors import (
    DatabaseUnavailable,
    ForeignKeyViolation,
    UniqueViolation,
    UnstorableValue,
)
from keywright.core.errors import ConfigurationError

UNIQUE_VIOLATION = "23505"
FOREIGN_KEY_VIOLATION = "23503"
DATA_EXCEPTION = "22000"  # asyncpg's own code for what it could not encode
UNSTORABLE = {
    "22001",  # longer than varchar(n)
    "22003",  # number out of range
    "22008",  # date out of range
    "22021",  # NUL, or not UTF-8
    "22P02",  # JSON with half a surrogate pair
    "22P05",  # JSON with NUL
    "54000",  # too large for an index
}
# What a pooler in transaction mode answers that hands each statement to another session.
PREPARED_STATEMENT_LOST = {"26000", "42P05"}
# By class: connection lost, authorization, database missing, rolled back (deadlock), out of
# resources, operator intervention (shutdown, timeout), disk or system error.
OUTAGE_CLASSES = ("08", "28", "3D", "40", "53", "57", "58")
OUTAGES = {
    "0A000",  # a cached plan outlived a migration; the next try plans anew
    "25006",  # read-only: this server has become a standby
    "55P03",  # a lock was not to be had
}


def from_sqlstate(sqlstate: str, constraint: str) -> Exception | None:
    """The error to raise, or None where the code means a mistake of ours."""
    if sqlstate == UNIQUE_VIOLATION:
        return UniqueViolation(constraint)
    if sqlstate == FOREIGN_KEY_VIOLATION:
        return ForeignKeyViolation(constraint)
    if sqlstate in UNSTORABLE:
        return UnstorableValue()
    if sqlstate in PREPARED_STATEMENT_LOST:
        return ConfigurationError(
            "A pooler in front of PostgreSQL mixes up prepared statements: let it keep them "
            "(PgBouncer 1.21: max_prepared_statements), or end KEYWRIGHT_DATABASE_URL with "
            "?prepared_statement_cache_size=0."
        )
    if sqlstate in OUTAGES or sqlstate.startswith(OUTAGE_CLASSES):
        return DatabaseUnavailable()
    return None


def from_misfit(refused: BaseException) -> Exception:
    """For a value that the driver could not encode: of another type, or of the right one but
    beyond its limits.
    """
    if isinstance(refused, (OverflowError, ValueError)):
        return UnstorableValue()
    return TypeError(str(refused))


def is_settled(sqlstate: str) -> bool:
    """Whether a write that failed with this code has certainly changed nothing: the server said
    so, rather than that the connection broke or that it was told to stop.
    """
    return sqlstate != "" and not sqlstate.startswith(("08", "57P", "58", "XX"))
