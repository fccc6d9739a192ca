"""What a database refuses, in words that do not depend on which database it is."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from keywright.core.errors import Conflict, DatabaseUnavailable, InvalidInput

__all__ = [
    "DatabaseUnavailable",
    "ForeignKeyViolation",
    "UniqueViolation",
    "UnstorableValue",
    "commit_unconfirmed",
]


class UniqueViolation(Conflict):
    """A unique constraint refused the statement.

    PostgreSQL tells the constraint's name, SQLite its columns: ask `concerns` instead.
    """

    detail = "That already exists."

    def __init__(self, constraint: str = "", columns: Iterable[str] = ()) -> None:
        super().__init__()
        self.constraint = constraint
        self.columns = tuple(columns)

    def concerns(self, *columns: sa.Column[object]) -> bool:
        """Whether exactly these columns of one table have to be unique together."""
        if self.columns:
            return sorted(self.columns) == sorted(f"{c.table.name}.{c.name}" for c in columns)
        return self.constraint in set(names_of_unique(columns))


def names_of_unique(columns: tuple[sa.Column[object], ...]) -> Iterable[str]:
    """The names of the unique constraints and indexes over exactly these columns."""
    table = columns[0].table
    assert isinstance(table, sa.Table)
    wanted = {c.name for c in columns}
    unique = (sa.PrimaryKeyConstraint, sa.UniqueConstraint)
    rules = [c for c in table.constraints if isinstance(c, unique)]
    for rule in [*rules, *(index for index in table.indexes if index.unique)]:
        if rule.name is not None and {c.name for c in rule.columns} == wanted:
            yield str(rule.name)


class ForeignKeyViolation(Conflict):
    """A row that this one points at is missing, or rows still point at it.

    `constraint` is empty on SQLite, which does not tell it.
    """

    detail = "Something that this belongs to is gone, or something else still needs it."

    def __init__(self, constraint: str = "") -> None:
        super().__init__()
        self.constraint = constraint


class UnstorableValue(InvalidInput):
    """A value of the right type that no column can hold: NUL, half a surrogate pair, 2**70."""

    detail = "A value holds something that cannot be stored, such as a NUL character."


def commit_unconfirmed() -> DatabaseUnavailable:
    """The answer to COMMIT never came: the change may have happened, or not."""
    return DatabaseUnavailable(
        "The database did not confirm the change. Please check whether it happened "
        "before you try again."
    )
