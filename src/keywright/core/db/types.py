"""Column types that mean the same on SQLite and PostgreSQL.

Beside these three a table uses `sa.Uuid`, `String(n)`, `Integer`, `BigInteger`, `Boolean` and
`LargeBinary` only.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from keywright.core.db.errors import UnstorableValue

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# A NUL character inside JSON text: an odd number of backslashes before `u0000`.
ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant: `timestamptz`, and whole microseconds since 1970 on SQLite.

    Takes aware values only, in any zone; gives them back in UTC.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        stored = sa.BigInteger() if dialect.name == "sqlite" else sa.DateTime(timezone=True)
        return dialect.type_descriptor(stored)

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        instant = to_utc(value)
        return (instant - EPOCH) // MICROSECOND if dialect.name == "sqlite" else instant

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return EPOCH + timedelta(microseconds=value)
        return to_utc(value)


def to_utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.utcoffset() is None:
        raise TypeError(f"{value!r} has no time zone; use an aware datetime.")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise UnstorableValue(f"{value} lies outside the years that can be stored.") from None


class JsonObject(sa.types.TypeDecorator[Any]):
    """A dict or a list: JSONB, and text on SQLite. None is NULL, never JSON's `null`."""

    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        stored = sa.Text() if dialect.name == "sqlite" else postgresql.JSONB(none_as_null=True)
        return dialect.type_descriptor(stored)

    # The processors are replaced, not the values: JSONB's own would encode a second time.
    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], str | None]:  # noqa: ARG002 - SQLAlchemy's signature
        return encode_json

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002 - likewise
        return decode_json


def encode_json(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, (dict, list)):
        raise TypeError(f"A JSON column takes a dict or a list, not {type(value).__name__}.")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        raise UnstorableValue(f"This cannot be stored as JSON: {error}.") from error
    if "\\u0000" in text and ESCAPED_NUL.search(text):
        raise UnstorableValue
    return text


def decode_json(value: Any) -> Any:
    """Some drivers answer text, some have decoded it already."""
    return msgspec.json.decode(value) if isinstance(value, (str, bytes)) else value


class TextEnum(sa.types.TypeDecorator[Any]):
    """An enum whose members' values are stored as text."""

    impl = sa.String
    cache_ok = True

    def __init__(self, members: type[enum.Enum], length: int = 32) -> None:
        super().__init__(length)
        self.members = members
        self.length = length
        if longest := [m.value for m in members if len(m.value) > length]:
            raise ValueError(f"{longest[0]!r} is longer than {length} characters.")

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - likewise
        return None if value is None else self.members(value).value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:  # noqa: ARG002 - likewise
        return None if value is None else self.members(value)
