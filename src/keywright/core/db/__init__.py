"""The data layer: statements, handles, and the databases that run them."""

from __future__ import annotations

from keywright.core.db.errors import (
    DatabaseUnavailable,
    ForeignKeyViolation,
    UniqueViolation,
    UnstorableValue,
)
from keywright.core.db.handle import Database, Handle, Transaction
from keywright.core.db.in_list import in_list
from keywright.core.db.metadata import metadata
from keywright.core.db.statement import Statement
from keywright.core.db.turns import take_turn
from keywright.core.db.types import JsonObject, TextEnum, UtcDateTime
from keywright.core.db.url import open_database

__all__ = [
    "Database",
    "DatabaseUnavailable",
    "ForeignKeyViolation",
    "Handle",
    "JsonObject",
    "Statement",
    "TextEnum",
    "Transaction",
    "UniqueViolation",
    "UnstorableValue",
    "UtcDateTime",
    "in_list",
    "metadata",
    "open_database",
    "take_turn",
]
