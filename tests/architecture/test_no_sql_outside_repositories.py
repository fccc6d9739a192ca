"""SQL is written as Core statements, once, where a domain keeps them (architecture.md, Data layer)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import keywright

SOURCE = Path(keywright.__file__).parent
# The data layer itself, the migrations, the settings of a host's own SQLite engine, and the doctor
# who looks whether a SQLite file keeps them.
MAY_WRITE_SQL = ("core/db/", "migrations/", "sqlite.py", "server/doctor/database.py")
SQL = re.compile(
    r"\s*(SELECT\b.*\bFROM|INSERT INTO|UPDATE \S+ SET|DELETE FROM|CREATE (UNIQUE |VIRTUAL )?\w+ "
    r"|ALTER TABLE|DROP (TABLE|INDEX)|PRAGMA |BEGIN\b|COMMIT\b|ROLLBACK\b|SAVEPOINT )",
    re.DOTALL,
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def offences(source: str) -> list[str]:
    tree = ast.parse(source)
    return [
        *(f"line {node.lineno}: SQL in a string" for node in sql_strings(tree)),
        *(f"line {node.lineno}: text()" for node in calls(tree) if is_text(node, tree)),
        *(f"line {node.lineno}: compiling by hand" for node in calls(tree) if is_compile(node)),
        *(f"line {node.lineno}: Statement() in a function" for node in late_statements(tree)),
    ]


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def sql_strings(tree: ast.AST) -> Iterator[ast.Constant]:
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return (
        node
        for node in texts
        if isinstance(node.value, str) and id(node) not in prose and SQL.match(node.value)
    )


def is_text(call: ast.Call, tree: ast.AST) -> bool:
    if isinstance(call.func, ast.Attribute):
        owner = call.func.value
        return (
            call.func.attr == "text"
            and isinstance(owner, ast.Name)
            and owner.id
            in {
                "sa",
                "sqlalchemy",
            }
        )
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
        if alias.name == "text"
    }
    return isinstance(call.func, ast.Name) and call.func.id in imported


def is_compile(call: ast.Call) -> bool:
    names = {keyword.arg for keyword in call.keywords}
    return (
        isinstance(call.func, ast.Attribute) and call.func.attr == "compile" and "dialect" in names
    )


def late_statements(tree: ast.AST) -> Iterator[ast.Call]:
    for function in ast.walk(tree):
        if isinstance(function, FUNCTIONS):
            for call in calls(function):
                if isinstance(call.func, ast.Name) and call.func.id == "Statement":
                    yield call


def test_no_sql_stands_outside_the_data_layer() -> None:
    found = [
        f"{path.relative_to(SOURCE)}, {offence}"
        for path in sorted(SOURCE.rglob("*.py"))
        if not str(path.relative_to(SOURCE)).startswith(MAY_WRITE_SQL)
        for offence in offences(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "offence"),
    [
        ("await tx.execute('SELECT id FROM kw_user')", "SQL in a string"),
        ("await tx.execute(f'DELETE FROM {table}')", "SQL in a string"),
        ("QUERY = '''\n  UPDATE kw_user SET x = 1'''", "SQL in a string"),
        ("import sqlalchemy as sa\nsa.text('now()')", "text()"),
        ("from sqlalchemy import text\ntext('now()')", "text()"),
        ("def f(): query.compile(dialect=d)", "compiling by hand"),
        ("def find():\n  s = Statement(select(users))", "Statement() in a function"),
        ("async def find():\n  return await db.one(Statement(select(users)))", "Statement()"),
        ("FIND = lambda: Statement(select(users))", "Statement()"),
    ],
)
def test_the_lint_sees_each_of_its_offences(source: str, offence: str) -> None:
    assert any(offence in found for found in offences(source))


@pytest.mark.parametrize(
    "source",
    [
        '"""SELECT a user FROM the list."""',
        "FIND = Statement(select(users).where(users.c.id == bindparam('id')), UserRow)",
        "mask_text('x'); path.read_text(); re.compile('x')",
        "title = 'Update your password'",
    ],
)
def test_the_lint_lets_the_rest_pass(source: str) -> None:
    assert offences(source) == []
