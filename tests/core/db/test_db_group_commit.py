"""SQLite: transactions that share a COMMIT, and those that want one of their own."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from parts import people
from parts.people import a_person

from keywright.core.db import Statement
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


@pytest.mark.parametrize("failing", [0, 1, 2])
async def test_a_transaction_that_fails_is_undone_wherever_it_stands_in_its_batch(
    sqlite_file: SqliteDatabase, failing: int
) -> None:
    three = [a_person(), a_person(), a_person()]

    async def add(number: int) -> None:
        async with sqlite_file.transaction() as tx:
            await tx.run(people.ADD, **three[number])
            if number == failing:
                raise LookupError

    before = sqlite_file.commits
    await asyncio.gather(*(add(number) for number in range(3)), return_exceptions=True)
    assert sqlite_file.commits - before == 1
    kept = {person["email"] for number, person in enumerate(three) if number != failing}
    assert {person.email for person in await sqlite_file.many(people.LIST)} == kept


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


class Kept(msgspec.Struct, frozen=True):
    generation: int
    preferences: dict[str, Any] | None


ADVANCE_KEPT = Statement(
    sa.update(people.people)
    .where(people.people.c.id == sa.bindparam("id"))
    .values(generation=people.people.c.generation + 1)
    .returning(people.people.c.generation, people.people.c.preferences),
    Kept,
)


async def test_a_write_whose_answer_cannot_be_read_changes_nothing(
    sqlite_file: SqliteDatabase, tmp_path: Path
) -> None:
    ada, ben = a_person(generation=0), a_person(generation=0)
    for person in (ada, ben):
        await sqlite_file.run(people.ADD, **person)
    with closing(sqlite3.connect(tmp_path / "people.db")) as raw, raw:
        raw.execute("UPDATE kw_person SET preferences = '{bad' WHERE email = ?", [ada["email"]])
    of_ada, of_ben = await asyncio.gather(
        *(sqlite_file.one(ADVANCE_KEPT, id=person["id"]) for person in (ada, ben)),
        return_exceptions=True,
    )
    assert isinstance(of_ada, ValueError)
    assert of_ben == Kept(1, ben["preferences"])
    with closing(sqlite3.connect(tmp_path / "people.db")) as raw:
        found = dict(raw.execute("SELECT email, generation FROM kw_person"))
    assert found == {ada["email"]: 0, ben["email"]: 1}
