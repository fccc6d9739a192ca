"""Fill the database: `-m seed USERS SESSIONS FILE`; FILE gets tokens of some of the sessions."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from app import AccessToken, Base, User, engine, passwords
from sqlalchemy import insert

from benchmarks.subject import PASSWORD, email_of, spread

ROWS_AT_ONCE = 10_000
KEPT_TOKENS = 4_096


async def fill(users: int, sessions: int) -> list[str]:
    """The tokens of some of the sessions."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    ids = [uuid.uuid4() for _ in range(users)]
    await store(User, rows_of_users(ids))
    kept: list[str] = []
    await store(AccessToken, rows_of_tokens(ids, sessions, kept))
    await engine.dispose()
    return kept


async def store(table: type[Base], rows: Iterable[dict[str, Any]]) -> None:
    left = iter(rows)
    while some := list(islice(left, ROWS_AT_ONCE)):
        async with engine.begin() as connection:
            await connection.execute(insert(table), some)


def rows_of_users(ids: list[uuid.UUID]) -> Iterator[dict[str, Any]]:
    hashed = passwords.hash(PASSWORD)
    for number, user in enumerate(ids):
        yield {"id": user, "email": email_of(number), "hashed_password": hashed}


def rows_of_tokens(
    ids: list[uuid.UUID], sessions: int, kept: list[str]
) -> Iterator[dict[str, Any]]:
    now, wanted = datetime.now(UTC), set(spread(sessions, KEPT_TOKENS))
    for number in range(sessions):
        token = secrets.token_urlsafe()  # as `DatabaseStrategy` makes them
        if number in wanted:
            kept.append(token)
        yield {"token": token, "user_id": ids[number % len(ids)], "created_at": now}


if __name__ == "__main__":
    tokens = asyncio.run(fill(int(sys.argv[1]), int(sys.argv[2])))
    Path(sys.argv[3]).write_text(json.dumps(tokens))
