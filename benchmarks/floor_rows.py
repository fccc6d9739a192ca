"""What the floor's database holds. Secrets and identifiers follow from their numbers."""

from __future__ import annotations

import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

import asyncpg  # type: ignore[import-untyped]  # asyncpg ships no types

from benchmarks import floor_store
from benchmarks.floor_app import IDLE_SECONDS, SESSION_SECONDS
from benchmarks.floor_tokens import encode, hash_password
from benchmarks.subject import PASSWORD, Place, email_of

CLIENT_ID, CLIENT_SECRET = "bench-client", "of-a-benchmark-and-of-nothing-else"
BASIC = "Basic " + b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
SCOPES = "read write"
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Table:
    name: str
    columns: int
    rows: Iterator[floor_store.Row]


def rows_of(place: Place, now: int) -> list[Table]:
    password_hash = hash_password(PASSWORD).decode()
    accounts = (account(number, password_hash, now) for number in range(place.users))
    sessions = (session(place, number, now) for number in range(place.sessions))
    tokens = (token(place, number, now) for number in range(place.sessions))
    keys = (api_key(number, now) for number in range(place.users))
    client = (CLIENT_ID, sha256(CLIENT_SECRET.encode()).digest(), SCOPES)
    return [
        Table("account", 11, accounts),
        Table("session", 11, sessions),
        Table("token", 6, tokens),
        Table("api_key", 3, keys),
        Table("client", 3, iter([client])),
    ]


def account(number: int, password_hash: str, now: int) -> floor_store.Row:
    email, no = email_of(number), None
    return account_id(number), email, email, now, no, no, no, "", "active", password_hash, now


def session(place: Place, number: int, now: int) -> floor_store.Row:
    digest = sha256(secret_of("refresh", number)).digest()
    idle, end = now + IDLE_SECONDS, now + SESSION_SECONDS
    owner = account_id(number % place.users)
    return session_id(number), owner, now, now, idle, end, now, "pwd", "127.0.0.1", "bench", digest


def token(place: Place, number: int, now: int) -> floor_store.Row:
    owner, end = account_id(number % place.users), now + SESSION_SECONDS
    return sha256(text_of("token", number)).digest(), owner, CLIENT_ID, SCOPES, now, end


def api_key(number: int, now: int) -> floor_store.Row:
    end = now + SESSION_SECONDS
    return sha256(text_of("API key", number)).digest(), account_id(number), end


def account_id(number: int) -> bytes:
    return numbered_id("account", number)


def session_id(number: int) -> bytes:
    return numbered_id("session", number)


def numbered_id(kind: str, number: int) -> bytes:
    """As if made one after the other, like `floor_tokens.new_id`."""
    return number.to_bytes(6) + secret_of(kind, number)[:10]


def text_of(kind: str, number: int) -> bytes:
    return encode(secret_of(kind, number))


def secret_of(kind: str, number: int) -> bytes:
    return sha256(f"{kind} {number}".encode()).digest()


def seed_sqlite(place: Place, tables: list[Table]) -> None:
    with closing(floor_store.connect_to_sqlite(floor_store.path_of(place.database))) as database:
        database.executescript(floor_store.SCHEMA.replace("BYTEA", "BLOB"))
        for table in tables:
            fill_sqlite(database, table)
        database.executescript(floor_store.INDEXES + "ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")


def fill_sqlite(database: sqlite3.Connection, table: Table) -> None:
    places = ", ".join("?" * table.columns)
    database.execute("BEGIN")
    database.executemany(f"INSERT INTO {table.name} VALUES ({places})", table.rows)
    database.execute("COMMIT")


async def seed_postgres(place: Place, tables: list[Table]) -> None:
    database = await asyncpg.connect(place.database)
    await database.execute(floor_store.SCHEMA)
    for table in tables:
        while some := list(islice(table.rows, ROWS_AT_ONCE)):
            await database.copy_records_to_table(table.name, records=some)
    await database.execute(floor_store.INDEXES)
    await database.execute("VACUUM ANALYZE")
    await database.close()
