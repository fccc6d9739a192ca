"""What every database promises about transactions."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from parts import people
from parts.people import a_person

from keywright.core.db import Database, Transaction, UniqueViolation, take_turn
from keywright.core.db.postgres import PostgresDatabase

pytestmark = pytest.mark.anyio
TURN, ANOTHER_TURN = take_turn(1), take_turn(2)


class ChangedMind(Exception):
    pass


async def test_both_writes_are_kept_or_neither(database: Database) -> None:
    ada, bob = a_person(), a_person()
    with pytest.raises(ChangedMind):
        async with database.transaction() as tx:
            await tx.run(people.ADD, **ada)
            raise ChangedMind
    assert await database.many(people.LIST) == []
    async with database.transaction() as tx:
        await tx.run(people.ADD, **ada)
        await tx.run(people.ADD, **bob)
    assert len(await database.many(people.LIST)) == 2


async def test_a_transaction_reads_what_it_wrote(database: Database) -> None:
    ada = a_person()
    async with database.transaction() as tx:
        await tx.run(people.ADD, **ada)
        assert await tx.one(people.FIND, id=ada["id"]) == people.Person(**ada)
        assert len(await tx.many(people.LIST_LONG)) == 1


async def test_a_violation_undoes_its_transaction_and_no_other(database: Database) -> None:
    ada = a_person()
    await database.run(people.ADD, **ada)
    with pytest.raises(UniqueViolation):
        async with database.transaction() as tx:
            await tx.run(people.ADVANCE, id=ada["id"])
            await tx.run(people.ADD, **a_person(email=ada["email"]))
    assert await database.many(people.LIST) == [people.Person(**ada)]
    assert await database.run(people.ADVANCE, id=ada["id"]) == 1


async def test_nothing_follows_a_failed_statement(database: Database) -> None:
    ada = a_person()
    await database.run(people.ADD, **ada)
    with pytest.raises(RuntimeError, match="A statement of this transaction failed"):
        async with database.transaction() as tx:
            with pytest.raises(UniqueViolation):
                await tx.run(people.ADD, **ada)
            await tx.run(people.ADVANCE, id=ada["id"])
    assert await database.many(people.LIST) == [people.Person(**ada)]


async def test_an_error_kept_inside_the_transaction_does_not_look_like_success(
    database: Database,
) -> None:
    ada, bob = a_person(), a_person()
    await database.run(people.ADD, **ada)
    with pytest.raises(RuntimeError, match="A statement of this transaction failed"):
        async with database.transaction() as tx:
            await tx.run(people.ADD, **bob)
            with pytest.raises(UniqueViolation):
                await tx.run(people.ADD, **ada)
    assert await database.many(people.LIST) == [people.Person(**ada)]


async def test_the_handle_ends_with_its_transaction(database: Database) -> None:
    async with database.transaction() as tx:
        pass
    with pytest.raises(RuntimeError, match="has ended"):
        await tx.run(people.ADD, **a_person())
    assert await database.many(people.LIST) == []


async def test_racing_transactions_keep_their_changes_apart(database: Database) -> None:
    """Each adds a person and then clashes or not: exactly one of each pair survives."""

    async def sign_up(email: str) -> bool:
        try:
            async with database.transaction() as tx:
                person = a_person(email=email)
                await tx.run(people.ADD, **person)
                await tx.run(people.ADD_ROLE, id=uuid4(), person_id=person["id"], name="user")
        except UniqueViolation:
            return False
        return True

    emails = [f"{number % 10}@example.org" for number in range(30)]
    signed_up = await asyncio.gather(*map(sign_up, emails))
    assert sum(signed_up) == 10
    assert len(await database.many(people.LIST)) == 10


async def test_transactions_that_take_turns_see_what_those_before_did(database: Database) -> None:
    async def count_and_add() -> None:
        async with database.transaction() as tx:
            await tx.one(TURN)
            await tx.run(people.ADD, **a_person(balance=len(await tx.many(people.LIST))))

    await asyncio.gather(*(count_and_add() for _ in range(12)))
    assert sorted(row.balance or 0 for row in await database.many(people.LIST)) == list(range(12))


async def test_a_turn_keeps_nobody_waiting_for_another_one(postgres: PostgresDatabase) -> None:
    async with postgres.transaction() as one, postgres.transaction() as other:
        await one.one(TURN)
        await other.one(ANOTHER_TURN)


async def test_cancelled_requests_leave_the_database_usable(database: Database) -> None:
    ada = a_person()
    await database.run(people.ADD, **ada)

    async def advance() -> None:
        async with database.transaction() as tx:
            await tx.run(people.ADVANCE, id=ada["id"])
            await tx.run(people.ADVANCE, id=ada["id"])

    for rounds_of_the_loop in range(12):
        tasks = [asyncio.ensure_future(advance()) for _ in range(4)]
        for _ in range(rounds_of_the_loop):
            await asyncio.sleep(0)
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not tasks[0].cancelled()
    row = await database.one(people.FIND, id=ada["id"])
    assert row is not None
    assert row.generation % 2 == 0
    assert row.generation >= 24


async def test_a_transaction_alone_may_await_anything(database: Database) -> None:
    ada = a_person()
    async with database.transaction(alone=True) as tx:
        await tx.run(people.ADD, **ada)
        await asyncio.sleep(0.01)
        await tx.run(people.ADVANCE, id=ada["id"])
    row = await database.one(people.FIND, id=ada["id"])
    assert row is not None
    assert row.generation == 1


async def test_a_transaction_alone_rolls_back_too(database: Database) -> None:
    with pytest.raises(ChangedMind):
        async with database.transaction(alone=True) as tx:
            await tx.run(people.ADD, **a_person())
            await asyncio.sleep(0)
            raise ChangedMind
    assert await database.many(people.LIST) == []


async def test_both_handles_know_their_dialect(database: Database) -> None:
    async with database.transaction() as tx:
        assert tx.dialect == database.dialect
    assert database.dialect in {"sqlite", "postgresql"}


@pytest.fixture(params=["sqlite-file", "sqlite-memory", "postgres"])
def own_database(request: pytest.FixtureRequest) -> Database:
    """A database that is not a host's: it commits by itself."""
    database: Database = request.getfixturevalue(request.param.replace("-", "_"))
    return database


async def test_callbacks_run_after_the_commit_and_never_on_a_rollback(
    own_database: Database,
) -> None:
    heard: list[str] = []

    async def write(name: str, tx: Transaction) -> None:
        await tx.run(people.ADD, **a_person())
        tx.after_commit(lambda: heard.append(name))
        assert heard == []

    with pytest.raises(ChangedMind):
        async with own_database.transaction() as tx:
            await write("rolled back", tx)
            raise ChangedMind
    async with own_database.transaction() as tx:
        await write("kept", tx)
    assert heard == ["kept"]


async def test_a_failing_callback_does_not_undo_what_is_committed(
    own_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    async with own_database.transaction() as tx:
        await tx.run(people.ADD, **a_person())
        tx.after_commit(lambda: 1 / 0)
        tx.after_commit(lambda: heard.append("told"))
    assert heard == ["told"]
    assert "ZeroDivisionError" in caplog.text
