"""SQLite: transactions that share a COMMIT, and those that want one of their own."""

from __future__ import annotations

import asyncio

import pytest
from parts import people
from parts.people import a_person

from keywright.core.db.sqlite import SqliteDatabase
from keywright.core.db.sqlite.batch import ForeignAwait

pytestmark = pytest.mark.anyio


async def test_writes_that_arrive_together_share_a_commit(sqlite_file: SqliteDatabase) -> None:
    before = sqlite_file.commits
    await asyncio.gather(*(sqlite_file.run(people.ADD, **a_person()) for _ in range(50)))
    assert len(await sqlite_file.many(people.LIST)) == 50
    assert sqlite_file.commits - before == 1


async def test_writes_that_arrive_during_a_slow_commit_share_the_next(
    sqlite_file: SqliteDatabase,
) -> None:
    ada = a_person()
    await sqlite_file.run(people.ADD, **ada)

    async def advance_ten_times() -> None:
        for _ in range(10):
            await sqlite_file.run(people.ADVANCE, id=ada["id"])

    before = sqlite_file.commits
    await asyncio.gather(*(advance_ten_times() for _ in range(20)))
    assert sqlite_file.commits - before <= 30


async def test_one_failed_unit_does_not_touch_the_others_of_its_batch(
    sqlite_file: SqliteDatabase,
) -> None:
    ada = a_person()
    results = await asyncio.gather(
        sqlite_file.run(people.ADD, **ada),
        sqlite_file.run(people.ADD, **ada),
        sqlite_file.run(people.ADD, **a_person()),
        return_exceptions=True,
    )
    assert [type(result).__name__ for result in results] == ["int", "UniqueViolation", "int"]
    assert len(await sqlite_file.many(people.LIST)) == 2


async def test_a_shared_transaction_that_awaits_something_else_is_told(
    sqlite_file: SqliteDatabase,
) -> None:
    with pytest.raises(ForeignAwait, match="alone=True"):
        async with sqlite_file.transaction() as tx:
            await tx.run(people.ADD, **a_person())
            await asyncio.sleep(0)
    assert await sqlite_file.many(people.LIST) == []


@pytest.mark.filterwarnings("default::keywright.core.db.sqlite.batch.ForeignAwait")
async def test_where_warnings_are_no_errors_such_a_transaction_still_works(
    sqlite_file: SqliteDatabase,
) -> None:
    async def slowly(email: str) -> None:
        async with sqlite_file.transaction() as tx:
            ada = a_person(email=email)
            await tx.run(people.ADD, **ada)
            await asyncio.sleep(0.001)
            await tx.run(people.ADVANCE, id=ada["id"])

    with pytest.warns(ForeignAwait):
        await asyncio.gather(*(slowly(f"{letter}@example.org") for letter in "abc"))
    assert [row.generation for row in await sqlite_file.many(people.LIST)] == [1, 1, 1]


async def test_writing_past_the_open_transaction_is_refused_rather_than_waited_for(
    sqlite_file: SqliteDatabase,
) -> None:
    for alone in (False, True):
        with pytest.raises(RuntimeError, match="would wait for itself"):
            async with sqlite_file.transaction(alone=alone):
                await sqlite_file.run(people.ADD, **a_person())
    await sqlite_file.run(people.ADD, **a_person())


async def test_others_wait_while_a_transaction_is_alone_and_reads_go_on(
    sqlite_file: SqliteDatabase,
) -> None:
    async with sqlite_file.transaction(alone=True) as tx:
        await tx.run(people.ADD, **a_person())
        other = asyncio.ensure_future(sqlite_file.run(people.ADD, **a_person()))
        await asyncio.sleep(0.01)
        assert not other.done()
        assert await sqlite_file.many(people.LIST) == []
    assert await other == 1
    assert len(await sqlite_file.many(people.LIST)) == 2


async def test_a_request_cancelled_while_it_waits_for_the_commit_has_still_written(
    sqlite_file: SqliteDatabase,
) -> None:
    ada = a_person()
    heard: list[str] = []

    async def sign_up() -> None:
        async with sqlite_file.transaction(alone=True) as tx:
            await tx.run(people.ADD, **ada)
            tx.after_commit(lambda: heard.append("committed"))
            written.set()

    written = asyncio.Event()
    request = asyncio.ensure_future(sign_up())
    await written.wait()
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await sqlite_file.run(people.ADD, **a_person())
    assert await sqlite_file.one(people.FIND, id=ada["id"]) is not None
    assert heard == ["committed"]
