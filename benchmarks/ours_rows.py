"""What Keywright's own database holds: rows as the product writes them, millions in minutes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # asyncpg ships no types
import msgspec
import sqlalchemy as sa

from benchmarks.subject import (
    ARGON2_ITERATIONS,
    ARGON2_MEMORY_KIB,
    PASSWORD,
    Place,
    email_of,
    spread,
)
from keywright import tables
from keywright.accounts.users.addresses import fold_email
from keywright.core.context import Context
from keywright.core.db import Statement
from keywright.core.db.dialects import POSTGRESQL, SQLITE
from keywright.core.ids import new_id
from keywright.core.principal import UserStatus
from keywright.core.settings import Settings
from keywright.core.web.caller import Caller
from keywright.flows.results import issue_tokens
from keywright.integration import Keywright
from keywright.integration.lifecycle import running
from keywright.sessions import service as sessions

Row = Mapping[str, Any]
KEPT_SESSIONS = 30_000
SIGNING_IN = 250  # accounts: more than connections
CALLER = Caller("127.0.0.1", "127.0.0.1", "bench", "req_bench")
PAGES_KIB = 1_000_000  # of SQLite's memory while it is filled


async def fill(place: Place, settings: Settings) -> None:
    """Accounts with one password hash among them, and sessions; `kept.json` names some of these."""
    kw = Keywright(settings)
    async with running(kw.parts, background=False):  # which makes the signing key
        password_hash = await kw.context.passwords.hash(PASSWORD, network=None, account="bench")
    assert f"m={ARGON2_MEMORY_KIB},t={ARGON2_ITERATIONS}," in password_hash
    owners: list[UUID] = []
    kept: list[str] = []
    content = [
        (tables.users, accounts(place.users, password_hash, owners)),
        (tables.sessions, sessions_of(settings, owners, place.sessions, kept)),
    ]
    if place.uses_sqlite:
        fill_sqlite(place.database.removeprefix("sqlite:///"), content)
    else:
        await fill_postgres(place.database, content)
    (place.home / "kept.json").write_text(json.dumps(kept))


def accounts(count: int, password_hash: str, owners: list[UUID]) -> Iterator[Row]:
    """As `keywright.accounts.users.service.create` writes them."""
    for number in range(count):
        now, email = datetime.now(UTC), email_of(number)
        owners.append(new_id(now))
        yield dict.fromkeys(tables.users.c.keys()) | {
            "id": owners[-1],
            "email": email,
            "email_folded": fold_email(email),
            "email_verified_at": now,
            "password_hash": password_hash,
            "password_changed_at": now,
            "status": UserStatus.ACTIVE,
            "created_at": now,
            "updated_at": now,
        }


def sessions_of(
    settings: Settings, owners: list[UUID], count: int, kept: list[str]
) -> Iterator[Row]:
    """Spread over the accounts. As many as a load can use are kept, but none of an account that
    signs in: each sign-in too many ends the oldest session.
    """
    to_keep, signing_in = set(spread(count, KEPT_SESSIONS)), set(who_signs_in(len(owners)))
    for number in range(count):
        owner = number % len(owners)
        session = sessions.new_api_session(
            settings,
            user_id=owners[owner],
            amr=("pwd",),
            scope=None,
            caller=CALLER,
            now=datetime.now(UTC),
        )
        if number in to_keep and owner not in signing_in:
            kept.append(str(session.id))
        yield msgspec.structs.asdict(session)


def who_signs_in(accounts: int) -> list[int]:
    return spread(accounts, SIGNING_IN)


def insert_into(table: sa.Table) -> Statement[None]:
    """With the table's columns in their order."""
    return Statement(sa.insert(table).values({c.name: sa.bindparam(c.name) for c in table.c}))


def fill_sqlite(path: str, content: Iterable[tuple[sa.Table, Iterable[Row]]]) -> None:
    """Without promises: whoever opens the file asks for a log and for durable commits again."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=OFF")
        database.execute("PRAGMA synchronous=OFF")
        database.execute(f"PRAGMA cache_size=-{PAGES_KIB}")
        for table, rows in content:
            insert = insert_into(table).compiled(SQLITE)
            database.execute("BEGIN")
            database.executemany(insert.sql, map(insert.arguments, rows))
            database.execute("COMMIT")
        database.execute("PRAGMA journal_mode=WAL")


async def fill_postgres(url: str, content: Iterable[tuple[sa.Table, Iterable[Row]]]) -> None:
    database = await asyncpg.connect(url)
    for table, rows in content:
        insert = insert_into(table).compiled(POSTGRESQL)
        await database.copy_records_to_table(
            table.name, columns=table.c.keys(), records=map(insert.arguments, rows)
        )
    await database.execute("VACUUM ANALYZE")
    await database.execute("CHECKPOINT")
    await database.close()


async def write_tokens(place: Place, settings: Settings) -> None:
    """`tokens.json`: an access and a refresh token of each kept session, good from now on."""
    kept = json.loads((place.home / "kept.json").read_text())
    kw = Keywright(settings)
    async with running(kw.parts, background=False):
        tokens = [await tokens_of_session(kw.context, UUID(session_id)) for session_id in kept]
    (place.home / "tokens.json").write_text(json.dumps(tokens))


async def tokens_of_session(kw: Context, session_id: UUID) -> dict[str, str]:
    now = datetime.now(UTC)
    session = await sessions.find(kw.db, session_id)
    whose = await sessions.find_with_user(kw.db, session_id, now)
    assert session is not None
    assert whose is not None
    issued = await issue_tokens(kw, whose, now)
    refresh = sessions.first_refresh_token(kw.secrets, session)
    return {"access": issued.access_token, "refresh": refresh}
