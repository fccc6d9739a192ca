"""Foreign keys of the application's own tables that point at ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from keywright.core.errors import ConfigurationError
from keywright.migrations.include import PREFIX


class StillReferenced(ConfigurationError):
    code = "still_referenced"
    title = "Other tables still need Keywright's"
    detail = (
        "Tables or views of your application still need those that would be removed: drop them or "
        "their foreign keys first. Nothing was changed."
    )


@dataclass(frozen=True, slots=True)
class Reference:
    table: str
    columns: tuple[str, ...]
    referred: str

    def __str__(self) -> str:
        return f"{self.table} ({', '.join(self.columns)}) → {self.referred}"


def references_from_outside(connection: sa.Connection) -> list[Reference]:
    """In every schema of the database."""
    inspector = sa.inspect(connection)
    schemas = inspector.get_schema_names() if connection.dialect.name == "postgresql" else [None]
    return [reference for schema in schemas for reference in in_schema(inspector, schema)]


def in_schema(inspector: sa.Inspector, schema: str | None) -> Iterator[Reference]:
    for (_, table), keys in inspector.get_multi_foreign_keys(schema=schema).items():
        for key in keys:
            if key["referred_table"].startswith(PREFIX) and not table.startswith(PREFIX):
                yield Reference(table, tuple(key["constrained_columns"]), key["referred_table"])


def refuse_references(references: Sequence[Reference]) -> None:
    """Raise `StillReferenced`, which names each."""
    if references:
        raise StillReferenced(describe(references))


def refuse_lost_references(connection: sa.Connection, references: Sequence[Reference]) -> None:
    """SQLite lets a table go that others point at, and refuses to write to those from then on."""
    left = set(sa.inspect(connection).get_table_names())
    refuse_references([one for one in references if one.referred not in left])


def describe(references: Iterable[Reference]) -> str:
    named = "; ".join(str(reference) for reference in references)
    return (
        f"Tables of your application still point at those that would be removed: {named}. Drop "
        "these foreign keys first. Nothing was changed."
    )
