"""Which database a `KEYWRIGHT_DATABASE_URL` means."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from keywright.core.db.handle import Database
from keywright.core.db.sqlite import SqliteDatabase
from keywright.core.errors import ConfigurationError

EXAMPLES = "postgresql://user:password@host/name or sqlite:////var/lib/keywright/keywright.db"


def open_database(url: str) -> Database:
    """The database that `url` names, in SQLAlchemy's spelling or plain; not connected yet.

    Raises `ConfigurationError` for any other.
    """
    scheme, _, rest = url.partition("://")
    if scheme in {"sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"}:
        return SqliteDatabase(sqlite_path(rest))
    if scheme in {"postgresql", "postgres", "postgresql+asyncpg"}:
        return postgres_database(f"postgresql://{rest}")
    raise ConfigurationError(
        f"KEYWRIGHT_DATABASE_URL starts with {scheme!r}: Keywright runs on SQLite and "
        f"PostgreSQL, for example {EXAMPLES}."
    )


def sqlite_path(rest: str) -> str:
    """`/relative.db`, `//absolute.db`, or nothing for a database in memory."""
    path, _, query = rest.partition("?")
    if query or (path and not path.startswith("/")):
        raise ConfigurationError(
            "KEYWRIGHT_DATABASE_URL: a SQLite address is sqlite:///relative/path.db or "
            "sqlite:////absolute/path.db, with nothing else in it."
        )
    return unquote(path[1:]) or ":memory:"


def postgres_database(url: str) -> Database:
    try:
        from keywright.core.db.postgres import PostgresDatabase
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigurationError(
            "PostgreSQL needs a driver that is not installed: pip install 'keywright[postgres]'."
        ) from error
    dsn, options = plain_dsn(url)
    return PostgresDatabase(dsn, **options)


def plain_dsn(url: str) -> tuple[str, dict[str, int]]:
    """The address as libpq spells it; what only SQLAlchemy knows becomes an option."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if "ssl" in query:
        query["sslmode"] = query.pop("ssl")
    options = {}
    if cached := query.pop("prepared_statement_cache_size", None):
        if not cached.isdecimal():
            raise ConfigurationError(
                "KEYWRIGHT_DATABASE_URL: prepared_statement_cache_size is a number, and 0 where "
                "a pooler in between knows no prepared statements."
            )
        options["statement_cache_size"] = int(cached)
    return urlunsplit(parts._replace(query=urlencode(query))), options
