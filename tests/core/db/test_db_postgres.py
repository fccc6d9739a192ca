"""PostgreSQL: lost connections, lost answers, round trips and time limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from parts import people
from parts.people import a_person
from parts.postgres import PostgresServer
from parts.processes import free_port
from parts.wire import Wire, wire_to

from keywright.core.db import DatabaseUnavailable, UnstorableValue
from keywright.core.db.postgres import PostgresDatabase
from keywright.core.errors import ConfigurationError

pytestmark = pytest.mark.anyio
UNCONFIRMED = "did not confirm"


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


@pytest.fixture
async def wired(people_url: str) -> AsyncIterator[tuple[PostgresDatabase, Wire]]:
    """A database with a single connection, over a wire."""
    async with (
        wire_to(people_url) as (wire, url),
        opened(url + "?sslmode=disable", pool_size=1) as database,
    ):
        yield database, wire


async def hang_up_on_everyone(administrator: asyncpg.Connection) -> None:
    await administrator.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def test_a_statement_and_a_look_up_are_one_round_trip(
    wired: tuple[PostgresDatabase, Wire],
) -> None:
    database, wire = wired
    ada = a_person()
    await database.run(people.ADD, **ada)

    async def round_trips(statement: Any, **values: Any) -> int:
        await database.many(statement, **values)  # prepared now
        before = wire.requests
        await database.many(statement, **values)
        return wire.requests - before

    assert await round_trips(people.FIND, id=ada["id"]) == 1
    assert await round_trips(people.AMONG_IDS, ids=[ada["id"]]) == 1
    assert await round_trips(people.AMONG_TIMES, times=[ada["created_at"]]) == 1
    assert await round_trips(people.ADVANCE_RETURNING, id=ada["id"]) == 1


async def test_a_transaction_adds_its_begin_and_its_commit(
    wired: tuple[PostgresDatabase, Wire],
) -> None:
    database, wire = wired

    async def advance_twice() -> None:
        async with database.transaction() as tx:
            await tx.run(people.ADVANCE_ALL)
            await tx.run(people.ADVANCE_ALL)

    await advance_twice()
    before = wire.requests
    await advance_twice()
    assert wire.requests - before == 4


async def test_a_connection_lost_inside_a_transaction_is_an_outage(
    postgres: PostgresDatabase, administrator: asyncpg.Connection
) -> None:
    with pytest.raises(DatabaseUnavailable) as outage:
        async with postgres.transaction() as tx:
            await tx.run(people.ADD, **a_person())
            await hang_up_on_everyone(administrator)
            await tx.run(people.ADVANCE_ALL)
    assert outage.value.__cause__ is not None
    assert await postgres.many(people.LIST) == []


async def test_a_connection_lost_before_the_commit_has_changed_nothing(
    wired: tuple[PostgresDatabase, Wire],
) -> None:
    database, wire = wired
    wire.cut_before = b"COMMIT"
    heard: list[str] = []
    with pytest.raises(DatabaseUnavailable, match=UNCONFIRMED):
        async with database.transaction() as tx:
            await tx.run(people.ADD, **a_person())
            tx.after_commit(lambda: heard.append("committed"))
    assert await database.many(people.LIST) == []
    assert heard == []


async def test_a_lost_answer_to_the_commit_does_not_claim_that_nothing_changed(
    wired: tuple[PostgresDatabase, Wire],
) -> None:
    database, wire = wired
    wire.cut_after = b"COMMIT"
    with pytest.raises(DatabaseUnavailable, match=UNCONFIRMED):
        async with database.transaction() as tx:
            await tx.run(people.ADD, **a_person())
    assert len(await database.many(people.LIST)) == 1


async def test_a_lost_answer_to_a_single_write_does_not_either(
    wired: tuple[PostgresDatabase, Wire],
) -> None:
    database, wire = wired
    await database.run(people.ADD, **a_person())
    ada = a_person(email="ada@example.org")
    wire.cut_after = b"ada@example.org"
    with pytest.raises(DatabaseUnavailable, match=UNCONFIRMED):
        await database.run(people.ADD, **ada)
    assert len(await database.many(people.LIST)) == 2


async def test_a_lost_answer_to_a_read_is_a_plain_outage(
    wired: tuple[PostgresDatabase, Wire],
) -> None:
    database, wire = wired
    wire.cut_after = b"kw_person"
    with pytest.raises(DatabaseUnavailable, match="Nothing was changed"):
        await database.many(people.LIST)
    assert await database.many(people.LIST) == []


async def test_a_statement_that_waits_too_long_is_given_up(people_url: str) -> None:
    ada = a_person()
    async with opened(people_url, command_timeout=0.3) as database:
        await database.run(people.ADD, **ada)
        async with database.transaction() as tx:
            await tx.run(people.ADVANCE, id=ada["id"])
            with pytest.raises(DatabaseUnavailable, match=UNCONFIRMED):
                await database.run(people.ADVANCE, id=ada["id"])
        assert len(await database.many(people.LIST)) == 1


async def test_a_deadlock_is_an_outage_for_one_of_the_two(postgres: PostgresDatabase) -> None:
    ada, bob = a_person(), a_person()
    await postgres.run(people.ADD, **ada)
    await postgres.run(people.ADD, **bob)
    both_hold_one = asyncio.Barrier(2)

    async def advance(first: Any, second: Any) -> None:
        async with postgres.transaction() as tx:
            await tx.run(people.ADVANCE, id=first["id"])
            await both_hold_one.wait()
            await tx.run(people.ADVANCE, id=second["id"])

    results = await asyncio.gather(advance(ada, bob), advance(bob, ada), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == [
        "DatabaseUnavailable",
        "NoneType",
    ]


async def test_text_longer_than_its_column_is_the_callers_mistake(
    postgres: PostgresDatabase,
) -> None:
    with pytest.raises(UnstorableValue):
        await postgres.run(people.ADD, **a_person(email="x" * 321))


async def test_two_tasks_on_one_transaction_are_a_mistake_of_ours(
    postgres: PostgresDatabase,
) -> None:
    with pytest.raises(asyncpg.InterfaceError, match="in progress"):
        async with postgres.transaction() as tx:
            await asyncio.gather(tx.run(people.ADVANCE_ALL), tx.run(people.ADVANCE_ALL))
    await postgres.ping()


async def test_a_host_where_nobody_listens_is_an_outage() -> None:
    database = PostgresDatabase(f"postgresql://postgres@127.0.0.1:{free_port()}/people")
    with pytest.raises(DatabaseUnavailable) as outage:
        await database.open()
    assert isinstance(outage.value.__cause__, OSError)


async def test_a_database_that_is_not_there_is_an_outage(postgres_server: PostgresServer) -> None:
    with pytest.raises(DatabaseUnavailable):
        await PostgresDatabase(postgres_server.url("nowhere")).open()


async def test_an_address_that_cannot_be_read_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="KEYWRIGHT_DATABASE_URL"):
        await PostgresDatabase("postgresql://localhost:port/name").open()


async def test_a_pooler_that_loses_prepared_statements_is_a_wrong_setting(
    people_url: str,
) -> None:
    """As PgBouncer did before 1.21: the next statement meets another session."""
    async with opened(people_url, pool_size=1) as database:
        await database.many(people.LIST)
        async with database.transaction() as tx:
            await tx.raw.execute("DEALLOCATE ALL")
        with pytest.raises(ConfigurationError, match="prepared_statement_cache_size=0"):
            await database.many(people.LIST)


async def test_a_closed_database_says_that_it_is_closed(people_url: str) -> None:
    async with opened(people_url) as database:
        pass
    with pytest.raises(DatabaseUnavailable, match="not open"):
        await database.one(people.FIND, id=uuid4())


async def test_a_request_cancelled_during_its_commit_still_commits(
    postgres: PostgresDatabase,
) -> None:
    heard: list[str] = []
    written = asyncio.Event()

    async def sign_up() -> None:
        async with postgres.transaction() as tx:
            await tx.run(people.ADD, **a_person())
            tx.after_commit(lambda: heard.append("committed"))
            written.set()

    request = asyncio.ensure_future(sign_up())
    await written.wait()
    await asyncio.sleep(0)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await postgres.close()
    await postgres.open()
    assert len(await postgres.many(people.LIST)) == len(heard) == 1
