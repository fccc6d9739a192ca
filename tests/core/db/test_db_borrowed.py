"""Inside a host's own transaction: the host decides what is kept."""

from __future__ import annotations

import asyncio

import pytest
from parts import people
from parts.people import a_person
from sqlalchemy.ext.asyncio import AsyncConnection

from keywright.core.db import DatabaseUnavailable, UniqueViolation, UnstorableValue
from keywright.core.db.borrowed import Borrowed

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgres"])
def host(request: pytest.FixtureRequest) -> AsyncConnection:
    connection: AsyncConnection = request.getfixturevalue(f"host_on_{request.param}")
    return connection


async def test_what_the_host_rolls_back_is_gone(host: AsyncConnection) -> None:
    heard: list[str] = []
    database = Borrowed(host)
    async with database.transaction() as tx:
        await tx.run(people.ADD, **a_person())
        tx.after_commit(lambda: heard.append("committed"))
    await host.rollback()
    assert await database.many(people.LIST) == []
    assert heard == []


async def test_what_the_host_commits_is_kept_and_then_told(host: AsyncConnection) -> None:
    heard: list[str] = []
    database = Borrowed(host)
    async with database.transaction() as tx:
        await tx.run(people.ADD, **a_person())
        tx.after_commit(lambda: heard.append("committed"))
    assert heard == []
    await host.commit()
    database.committed()
    database.committed()
    assert heard == ["committed"]
    assert len(await Borrowed(host).many(people.LIST)) == 1


async def test_a_violation_leaves_the_hosts_transaction_alive(host: AsyncConnection) -> None:
    database = Borrowed(host)
    ada = a_person()
    await host.execute(people.people.insert().values(**ada))
    with pytest.raises(UniqueViolation):
        await database.run(people.ADD, **ada)
    await host.execute(people.people.insert().values(**a_person()))
    await host.commit()
    assert len(await database.many(people.LIST)) == 2


async def test_keywright_and_the_host_see_each_others_rows(host: AsyncConnection) -> None:
    ada = a_person()
    await host.execute(people.people.insert().values(**ada))
    assert await Borrowed(host).one(people.FIND, id=ada["id"]) == people.Person(**ada)
    await Borrowed(host).run(people.ADVANCE, id=ada["id"])
    generations = await host.execute(
        people.people.select().with_only_columns(people.people.c.generation)
    )
    assert generations.scalar_one() == 1


async def test_writing_past_the_open_transaction_is_refused(host: AsyncConnection) -> None:
    database = Borrowed(host)
    with pytest.raises(RuntimeError, match="would wait for itself"):
        async with database.transaction():
            await database.run(people.ADD, **a_person())
    assert await database.many(people.LIST) == []


async def test_transactions_of_several_tasks_follow_each_other(host: AsyncConnection) -> None:
    database = Borrowed(host)
    ada = a_person()
    await database.run(people.ADD, **ada)

    async def advance_and_fail(number: int) -> None:
        async with database.transaction() as tx:
            await tx.run(people.ADVANCE, id=ada["id"])
            await asyncio.sleep(0)
            if number % 2:
                raise ZeroDivisionError

    await asyncio.gather(*map(advance_and_fail, range(10)), return_exceptions=True)
    row = await database.one(people.FIND, id=ada["id"])
    assert row is not None
    assert row.generation == 5


async def test_a_lost_connection_is_an_outage(host_on_postgres: AsyncConnection) -> None:
    database = Borrowed(host_on_postgres)
    await database.ping()
    driver = (await host_on_postgres.get_raw_connection()).driver_connection
    assert driver is not None
    driver.terminate()
    with pytest.raises(DatabaseUnavailable):
        await database.many(people.LIST)


async def test_text_longer_than_its_column_is_the_callers_mistake(
    host_on_postgres: AsyncConnection,
) -> None:
    with pytest.raises(UnstorableValue):
        await Borrowed(host_on_postgres).run(people.ADD, **a_person(email="x" * 321))
