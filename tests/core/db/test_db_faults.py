"""The database that fails on demand tells the truth about the one behind it."""

from __future__ import annotations

import pytest
from parts import people
from parts.faults import FaultyDatabase
from parts.people import a_person

from keywright.core.db import Database, DatabaseUnavailable
from keywright.core.db.sqlite import SqliteDatabase

pytestmark = pytest.mark.anyio


async def sign_up_two(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.run(people.ADD, **a_person())
        await tx.many(people.LIST)
        await tx.one(people.ADD_RETURNING, **a_person())
    await database.one(people.LIST)


async def test_a_story_that_fails_at_any_statement_changes_all_or_nothing(
    sqlite_memory: SqliteDatabase,
) -> None:
    rehearsal = FaultyDatabase(sqlite_memory)
    await sign_up_two(rehearsal)
    assert rehearsal.statements == 4
    for number in range(1, rehearsal.statements + 1):
        await sqlite_memory.run(people.REMOVE_ALL)
        with pytest.raises(DatabaseUnavailable):
            await sign_up_two(FaultyDatabase(sqlite_memory, fail_at=number))
        committed = number == rehearsal.statements
        assert len(await sqlite_memory.many(people.LIST)) == (2 if committed else 0)
