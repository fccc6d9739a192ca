"""Turns Python values into what a driver takes, and back, for one column type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from keywright.core.db.errors import UnstorableValue

Processor = Callable[[Any], Any]


def to_driver(type_: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Processor | None:
    process = type_.dialect_impl(dialect).bind_processor(dialect)
    if isinstance(type_, sa.String):
        return text_to_driver(process)
    if isinstance(type_, sa.Uuid):
        return uuid_to_driver(process)
    return process


def text_to_driver(process: Processor | None) -> Processor:
    """PostgreSQL refuses NUL in text and SQLite does not: here both do."""

    def refuse_nul(value: Any) -> Any:
        if value is not None and "\0" in value:
            raise UnstorableValue
        return process(value) if process else value

    return refuse_nul


def uuid_to_driver(process: Processor | None) -> Processor:
    """Some drivers would take text, others not: here none does."""

    def refuse_other(value: Any) -> Any:
        if value is not None and not isinstance(value, UUID):
            raise TypeError(f"{value!r} is no UUID.")
        return process(value) if process else value

    return refuse_other


def from_driver(type_: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Processor | None:
    if isinstance(type_, sa.Uuid) and dialect.name == "postgresql":
        return plain_uuid
    return type_.dialect_impl(dialect).result_processor(dialect, None)


def plain_uuid(value: UUID | None) -> UUID | None:
    """The driver asyncpg answers a subclass, which serializers that want the exact type refuse."""
    return value if value is None or type(value) is UUID else UUID(int=value.int)
