"""Which database an address means."""

from __future__ import annotations

from pathlib import Path

import pytest

from keywright.core.db import open_database
from keywright.core.db.postgres import PostgresDatabase
from keywright.core.db.sqlite import SqliteDatabase
from keywright.core.db.url import plain_dsn, sqlite_path
from keywright.core.errors import ConfigurationError

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("rest", "path"),
    [
        ("", ":memory:"),
        ("/:memory:", ":memory:"),
        ("/data/keywright.db", "data/keywright.db"),
        ("//var/lib/keywright.db", "/var/lib/keywright.db"),
        ("//my%20data/keywright.db", "/my data/keywright.db"),
    ],
)
def test_a_sqlite_address_names_a_file(rest: str, path: str) -> None:
    assert sqlite_path(rest) == path
    assert isinstance(open_database(f"sqlite://{rest}"), SqliteDatabase)
    assert isinstance(open_database(f"sqlite+aiosqlite://{rest}"), SqliteDatabase)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_a_postgresql_address_may_be_sqlalchemys_or_plain(scheme: str) -> None:
    assert isinstance(open_database(f"{scheme}://kw:secret@db.example/keywright"), PostgresDatabase)


def test_sqlalchemys_options_are_understood() -> None:
    dsn, options = plain_dsn("postgresql://h/n?ssl=require&prepared_statement_cache_size=0")
    assert dsn == "postgresql://h/n?sslmode=require"
    assert options == {"statement_cache_size": 0}


@pytest.mark.parametrize(
    "url",
    [
        "mysql://localhost/keywright",
        "keywright.db",
        "",
        "sqlite://data/keywright.db",
        "sqlite:///keywright.db?mode=ro",
        "postgresql://h/n?prepared_statement_cache_size=many",
        "postgresql+psycopg://localhost/keywright",
    ],
)
def test_any_other_address_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match="KEYWRIGHT_DATABASE_URL"):
        open_database(url)


async def test_a_secret_in_the_address_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as refused:
        open_database("mysql://kw:secret@localhost/keywright")
    assert "secret" not in str(refused.value)


async def test_an_opened_file_is_where_the_address_says(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'keywright.db'}")
    await database.open()
    await database.close()
    assert (tmp_path / "keywright.db").exists()
