"""Which database a `KEYWRIGHT_DATABASE_URL` means.

It holds a password: no refusal repeats a part of it, nor what a parser had to say about it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode

from keywright.core.db.handle import Database
from keywright.core.db.sqlite import SqliteDatabase
from keywright.core.errors import ConfigurationError

EXAMPLES = "postgresql://user:password@host/name or sqlite:////var/lib/keywright/keywright.db"
ESCAPES = (
    "In a user name, a password or a name write `%` as %25, `/` as %2F, `?` as %3F, `#` as %23, "
    "`[` as %5B, `]` as %5D, `@` as %40 and `:` as %3A."
)
IN_MEMORY = ":memory:"
SQLITE_SCHEMES = frozenset({"sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"})
POSTGRESQL_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
AUTHORITY_ENDS = re.compile(r"[/?#]")
HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\[\]:@,\s]+)(?::(\d{0,5}))?")
LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """`credentials` are user and password, decoded; `hosts` and `options` as they were written."""

    credentials: tuple[str, ...]
    hosts: str
    name: str
    options: dict[str, str]

    def dsn(self) -> str:
        """As libpq spells it, with nothing in it that two parsers could read in two ways."""
        before_hosts = ":".join(quote(part, safe="") for part in self.credentials)
        before_hosts += "@" if self.credentials else ""
        options = f"?{urlencode(self.options)}" if self.options else ""
        return f"postgresql://{before_hosts}{self.hosts}/{quote(self.name, safe='')}{options}"


def open_database(url: str) -> Database:
    """The database that `url` names, in SQLAlchemy's spelling or plain; not connected yet.

    Raises `ConfigurationError` for any other.
    """
    scheme, _, rest = url.partition("://")
    if scheme in SQLITE_SCHEMES:
        return SqliteDatabase(sqlite_path(rest))
    if scheme in POSTGRESQL_SCHEMES:
        return postgres_database(url)
    raise ConfigurationError(
        "KEYWRIGHT_DATABASE_URL names neither of the databases that Keywright runs on, SQLite and "
        f"PostgreSQL: it looks like {EXAMPLES}."
    )


def describe_database(url: str) -> str:
    """For people, without user and password."""
    scheme, _, rest = url.partition("://")
    if scheme in SQLITE_SCHEMES:
        path = sqlite_path(rest)
        return f"SQLite ({'in memory' if path == IN_MEMORY else path})"
    address = read_postgres_address(url)
    return f"PostgreSQL ({address.hosts or address.options.get('host', '')}/{address.name})"


def is_in_memory(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    return scheme in SQLITE_SCHEMES and sqlite_path(rest) == IN_MEMORY


def sqlite_path(rest: str) -> str:
    """`/relative.db`, `//absolute.db`, or nothing for a database in memory."""
    path, _, query = rest.partition("?")
    decoded = unquote(path[1:])
    if query or "\0" in decoded or (path and not path.startswith("/")):
        raise ConfigurationError(
            "KEYWRIGHT_DATABASE_URL: a SQLite address is sqlite:///relative/path.db or "
            "sqlite:////absolute/path.db, with nothing else in it."
        )
    return decoded or IN_MEMORY


def postgres_database(url: str) -> Database:
    dsn, options = plain_dsn(url)
    try:
        from keywright.core.db.postgres import PostgresDatabase
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigurationError(
            "PostgreSQL needs a driver that is not installed: pip install 'keywright[postgres]'."
        ) from error
    return PostgresDatabase(dsn, **options)


def plain_dsn(url: str) -> tuple[str, dict[str, int]]:
    """The address as libpq spells it; what only SQLAlchemy knows becomes an option."""
    address = read_postgres_address(url)
    query = address.options
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
    return address.dsn(), options


def read_postgres_address(url: str) -> PostgresAddress:
    """A password's `/`, `?` or `#` would end the authority (RFC 3986 §3.2), and what comes after it
    would be taken for a database's name: the `@` that follows gives it away.

    Raises `ConfigurationError`.
    """
    _, _, rest = url.partition("://")
    authority = AUTHORITY_ENDS.split(rest, 1)[0]
    path, _, query = rest.removeprefix(authority).partition("?")
    if "@" in path + query:
        raise unreadable_address("there is an `@` after the host", ESCAPES)
    if "#" in rest or "/" in path[1:]:
        raise unreadable_address("something follows the database's name", ESCAPES)
    userinfo, at, hosts = authority.rpartition("@")
    refuse_unreadable_hosts(hosts)
    try:
        credentials = tuple(decode(part) for part in userinfo.split(":", 1)) if at else ()
        return PostgresAddress(credentials, hosts, decode(path[1:]), read_options(query))
    except ValueError:
        raise unreadable_address("a part of it is no UTF-8, or an option has no value") from None


def decode(part: str) -> str:
    return unquote(part, errors="strict")


def read_options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, strict_parsing=True, errors="strict")) if query else {}
    if "" in options.get("host", "one").split(","):
        raise ValueError("host")
    return options


def refuse_unreadable_hosts(hosts: str) -> None:
    for one in hosts.split(",") if hosts else ():
        read = HOST.fullmatch(one)
        if read is None or int(read[1] or 0) > LAST_PORT:
            raise unreadable_address("the host or its port cannot be read", ESCAPES)


def unreadable_address(why: str, remedy: str = "") -> ConfigurationError:
    sentence = (
        f"KEYWRIGHT_DATABASE_URL cannot be read, because {why}: it looks like "
        "postgresql://user:password@host:5432/name?sslmode=require."
    )
    return ConfigurationError(f"{sentence} {remedy}".strip())
