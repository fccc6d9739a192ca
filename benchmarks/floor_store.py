"""The floor's two databases: one set of statements, driver calls only, every write durable."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import asyncpg  # type: ignore[import-untyped]  # asyncpg ships no types

Row = Sequence[Any]
CONNECTIONS = 32  # to PostgreSQL: commits under way together share one flush of its log

# Identifiers and digests are bytes, moments are Unix seconds: both drivers pass these as they are.
SCHEMA = """
CREATE TABLE account (
    id BYTEA PRIMARY KEY, email TEXT NOT NULL, email_folded TEXT NOT NULL UNIQUE,
    email_verified_at BIGINT, username TEXT, name TEXT, locale TEXT, roles TEXT NOT NULL,
    status TEXT NOT NULL, password_hash TEXT, created_at BIGINT NOT NULL
);
CREATE TABLE session (
    id BYTEA PRIMARY KEY, account_id BYTEA NOT NULL, created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL, idle_expires_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
    auth_time BIGINT NOT NULL, amr TEXT NOT NULL, ip TEXT NOT NULL, user_agent TEXT NOT NULL,
    refresh_digest BYTEA NOT NULL
);
CREATE TABLE token (
    digest BYTEA PRIMARY KEY, account_id BYTEA NOT NULL, client_id TEXT NOT NULL,
    scope TEXT NOT NULL, issued_at BIGINT NOT NULL, expires_at BIGINT NOT NULL
);
CREATE TABLE api_key (
    digest BYTEA PRIMARY KEY, account_id BYTEA NOT NULL, expires_at BIGINT NOT NULL
);
CREATE TABLE client (id TEXT PRIMARY KEY, secret_digest BYTEA NOT NULL, scope TEXT NOT NULL);
"""
# Made when the rows are there. An account's sessions are listed, expired ones are swept.
INDEXES = """
CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_expiry ON session (expires_at);
"""

ACCOUNT = "a.id, a.email, a.email_verified_at, a.username, a.name, a.locale, a.roles, a.created_at"
ACCOUNT_BY_EMAIL = f"""
    SELECT {ACCOUNT}, a.password_hash FROM account a
    WHERE a.email_folded = ?1 AND a.status = 'active'
"""
ACCOUNT_BY_ID = f"SELECT {ACCOUNT} FROM account a WHERE a.id = ?1 AND a.status = 'active'"
ACCOUNT_BY_API_KEY = f"""
    SELECT {ACCOUNT} FROM api_key k JOIN account a ON a.id = k.account_id
    WHERE k.digest = ?1 AND k.expires_at > ?2 AND a.status = 'active'
"""
TOKEN = """
    SELECT t.client_id, t.scope, t.issued_at, t.expires_at, a.id, a.email
    FROM token t JOIN account a ON a.id = t.account_id
    WHERE t.digest = ?1 AND t.expires_at > ?2 AND a.status = 'active'
"""
CLIENT = "SELECT secret_digest, scope FROM client WHERE id = ?1"
OPEN_SESSION = """
    INSERT INTO session (id, account_id, created_at, last_seen_at, idle_expires_at, expires_at,
                         auth_time, amr, ip, user_agent, refresh_digest)
    VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?3, ?6, ?7, ?8, ?9)
"""
ROTATION = """
    UPDATE session SET refresh_digest = ?3, last_seen_at = ?4, idle_expires_at = ?5
"""
ROTATED = "id = ?1 AND refresh_digest = ?2 AND idle_expires_at > ?4 AND expires_at > ?4"
ROTATE_ON_SQLITE = f"{ROTATION} WHERE {ROTATED} RETURNING account_id, auth_time"
ROTATE_ON_POSTGRES = f"""
    {ROTATION} FROM account a WHERE session.{ROTATED}
    AND a.id = account_id AND a.status = 'active' RETURNING {ACCOUNT}, auth_time
"""
STATEMENTS = (
    ACCOUNT_BY_EMAIL,
    ACCOUNT_BY_ID,
    ACCOUNT_BY_API_KEY,
    TOKEN,
    CLIENT,
    OPEN_SESSION,
    ROTATE_ON_POSTGRES,
)


class Store(Protocol):
    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def one(self, statement: str, *values: object) -> Row | None: ...

    async def open_session(self, *values: object) -> None:
        """Durable when it returns."""

    async def rotate(self, *values: object) -> Row | None:
        """The account and `auth_time`; durable when it returns."""


def store_at(database: str) -> Store:
    if database.startswith("sqlite"):
        return Sqlite(path_of(database))
    return Postgres(database)


def path_of(database: str) -> str:
    return database.removeprefix("sqlite:///")


def connect_to_sqlite(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


class Sqlite:
    """Reads run on the event loop; writes that arrive together share one COMMIT, in a thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1)
        self._waiting: list[tuple[str, Sequence[object], asyncio.Future[Row | None]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._reader = connect_to_sqlite(self._path)
        self._writer = connect_to_sqlite(self._path)

    async def close(self) -> None:
        self._thread.shutdown()
        self._writer.close()
        self._reader.close()

    async def one(self, statement: str, *values: object) -> Row | None:
        row: Row | None = self._reader.execute(statement, values).fetchone()
        return row

    async def open_session(self, *values: object) -> None:
        await self._write(OPEN_SESSION, values)

    async def rotate(self, *values: object) -> Row | None:
        rotated = await self._write(ROTATE_ON_SQLITE, values)
        if rotated is None:
            return None
        account = await self.one(ACCOUNT_BY_ID, rotated[0])
        return None if account is None else (*account, rotated[1])

    def _write(self, statement: str, values: Sequence[object]) -> Awaitable[Row | None]:
        loop = asyncio.get_running_loop()
        written: asyncio.Future[Row | None] = loop.create_future()
        self._waiting.append((statement, values, written))
        if self._committing is None:
            self._committing = loop.create_task(self._commit_what_waits())
        return written

    async def _commit_what_waits(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                rows = await self._commit([(statement, values) for statement, values, _ in batch])
            except sqlite3.Error as error:
                for *_, written in batch:
                    written.set_exception(error)
                self._writer.rollback()
                continue
            for (*_, written), row in zip(batch, rows, strict=True):
                if not written.cancelled():
                    written.set_result(row)
        self._committing = None

    async def _commit(self, batch: list[tuple[str, Sequence[object]]]) -> list[Row | None]:
        execute = self._writer.execute
        execute("BEGIN IMMEDIATE")
        rows = [execute(statement, values).fetchone() for statement, values in batch]
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.commit)
        return rows


class Postgres:
    """Connections with everything prepared; each call is one round trip, each write a commit."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._connections: list[asyncpg.Connection] = []
        self._idle: asyncio.LifoQueue[dict[str, Any]] = asyncio.LifoQueue()

    async def open(self) -> None:
        for _ in range(CONNECTIONS):
            connection = await asyncpg.connect(self._database)
            self._connections.append(connection)
            prepared = {one: await connection.prepare(one.replace("?", "$")) for one in STATEMENTS}
            self._idle.put_nowait(prepared)

    async def close(self) -> None:
        for connection in self._connections:
            await connection.close()

    async def one(self, statement: str, *values: object) -> Row | None:
        prepared = await self._idle.get()
        try:
            row: Row | None = await prepared[statement].fetchrow(*values)
            return row
        finally:
            self._idle.put_nowait(prepared)

    async def open_session(self, *values: object) -> None:
        await self.one(OPEN_SESSION, *values)

    async def rotate(self, *values: object) -> Row | None:
        return await self.one(ROTATE_ON_POSTGRES, *values)
