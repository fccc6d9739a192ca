"""Every statement of ours can be run: each is looked through as its first use would do it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from keywright.core.db import Statement
from keywright.core.db.dialects import POSTGRESQL, SQLITE

SOURCE = Path(__file__).parents[2] / "src"
REPOSITORIES = sorted(
    ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    for path in SOURCE.rglob("*.py")
    if "Statement(" in path.read_text() and "migrations" not in path.parts
)


def statements_of(module: ModuleType) -> Iterator[Statement[object]]:
    for value in vars(module).values():
        yield from (
            one
            for one in (value.values() if isinstance(value, dict) else [value])
            if isinstance(one, Statement)
        )


def test_statements_are_found() -> None:
    found = [one for name in REPOSITORIES for one in statements_of(importlib.import_module(name))]
    assert len(REPOSITORIES) > 10
    assert len(found) > 80


@pytest.mark.parametrize("name", REPOSITORIES)
def test_every_statement_is_fit_for_both_databases(name: str) -> None:
    for statement in statements_of(importlib.import_module(name)):
        for dialect in (SQLITE, POSTGRESQL):
            statement.compiled(dialect)
