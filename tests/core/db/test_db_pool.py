"""The pool of connections to PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from parts import people
from parts.outages import eventually
from parts.people import a_person

from keywright.core.db import DatabaseUnavailable
from keywright.core.db.postgres import PostgresDatabase, pool

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(url, **options)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def administrator(people_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(people_url)
    yield connection
    await connection.close()


async def connections(administrator: asyncpg.Connection) -> int:
    """How many the server sees, the administrator's own aside."""
    counted: int = await administrator.fetchval(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return counted


async def test_the_pool_heals_after_the_server_hung_up(
    postgres: PostgresDatabase, administrator: asyncpg.Connection
) -> None:
    ada = a_person()
    await postgres.run(people.ADD, **ada)
    await asyncio.gather(*(postgres.ping() for _ in range(5)))
    await administrator.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    results = await asyncio.gather(
        *(postgres.one(people.FIND, id=ada["id"]) for _ in range(10)), return_exceptions=True
    )
    assert all(isinstance(r, (people.Person, DatabaseUnavailable)) for r in results), results
    assert await postgres.one(people.FIND, id=ada["id"]) == people.Person(**ada)


async def test_an_exhausted_pool_is_an_outage_and_not_a_queue_without_end(people_url: str) -> None:
    async with opened(people_url, pool_size=1, acquire_timeout=0.1) as database:
        async with database.transaction():
            with pytest.raises(DatabaseUnavailable):
                await database.many(people.LIST)
        assert await database.many(people.LIST) == []


async def test_it_opens_no_more_connections_than_it_may(
    people_url: str, administrator: asyncpg.Connection
) -> None:
    async with opened(people_url, pool_size=3) as database:
        await asyncio.gather(*(database.many(people.LIST) for _ in range(30)))
        assert await connections(administrator) == 3


async def test_who_waits_and_leaves_takes_no_connection_along(people_url: str) -> None:
    """Cancelled before, in the same round of the loop as, and after the connection comes free."""
    async with opened(people_url, pool_size=1, acquire_timeout=1.0) as database:
        for rounds_of_the_loop in range(6):
            async with database.transaction():
                waiting = [asyncio.ensure_future(database.ping()) for _ in range(3)]
                await asyncio.sleep(0)
            for _ in range(rounds_of_the_loop):
                await asyncio.sleep(0)
            waiting[0].cancel()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert results[1:] == [None, None]
        await database.ping()


async def test_a_task_cancelled_while_it_connects_takes_no_place_along(people_url: str) -> None:
    async with opened(people_url, pool_size=2) as database, database.transaction():
        connecting = asyncio.ensure_future(database.ping())
        await asyncio.sleep(0)
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        await database.ping()


async def test_connections_that_nobody_uses_are_closed(
    people_url: str, administrator: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.05)

    async def nobody_is_connected() -> bool:
        return await connections(administrator) == 0

    async with opened(people_url) as database:
        await asyncio.gather(*(database.ping() for _ in range(4)))
        await eventually(nobody_is_connected)
        await database.run(people.ADD, **a_person())


async def test_closing_leaves_no_connection_behind(
    people_url: str, administrator: asyncpg.Connection
) -> None:
    async def nobody_is_connected() -> bool:
        return await connections(administrator) == 0

    database = PostgresDatabase(people_url, pool_size=1)
    await database.open()
    async with database.transaction():
        waiting = asyncio.ensure_future(database.ping())
        await asyncio.sleep(0)
        await database.close()
        with pytest.raises(DatabaseUnavailable):
            await waiting
    await eventually(nobody_is_connected)
