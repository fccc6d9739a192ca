"""What every database promises, whoever runs the statements."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from parts import people
from parts.people import Status, a_person

from keywright.core.db import (
    Database,
    ForeignKeyViolation,
    UniqueViolation,
    UnstorableValue,
)

pytestmark = pytest.mark.anyio


async def test_a_row_comes_back_as_its_struct(database: Database) -> None:
    ada = a_person()
    await database.run(people.ADD, **ada)
    assert await database.one(people.FIND, id=ada["id"]) == people.Person(**ada)


async def test_what_is_not_there_is_none_or_an_empty_list(database: Database) -> None:
    assert await database.one(people.FIND, id=uuid4()) is None
    assert await database.many(people.LIST) == []


async def test_a_row_carries_exactly_the_types_that_it_names(database: Database) -> None:
    ada = a_person()
    await database.run(people.ADD, **ada)
    row = await database.one(people.FIND, id=ada["id"])
    assert row is not None
    assert type(row.id) is UUID
    assert type(row.secret) is bytes
    assert row.verified is True
    assert row.status is Status.ACTIVE
    assert row.created_at.tzinfo is UTC


async def test_an_instant_is_the_same_in_every_zone(database: Database) -> None:
    ada = a_person(created_at=datetime(2026, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=5))))
    await database.run(people.ADD, **ada)
    row = await database.one(people.FIND, id=ada["id"])
    assert row is not None
    assert row.created_at == datetime(2026, 6, 30, 20, 30, tzinfo=UTC)
    assert await database.many(people.OLDER_THAN, instant=ada["created_at"]) == []
    later = ada["created_at"] + timedelta(microseconds=1)
    assert await database.many(people.OLDER_THAN, instant=later) == [row]


async def test_a_naive_datetime_is_refused(database: Database) -> None:
    with pytest.raises(TypeError, match="no time zone"):
        await database.run(people.ADD, **a_person(created_at=datetime(2026, 1, 1)))  # noqa: DTZ001


async def test_json_none_is_null_and_lists_are_kept(database: Database) -> None:
    for preferences in (None, [], {}, [1, {"ü": None}], {"quote": "'\"\\u0000"}):
        person = a_person(preferences=preferences)
        await database.run(people.ADD, **person)
        row = await database.one(people.FIND, id=person["id"])
        assert row is not None
        assert row.preferences == preferences


async def test_many_keeps_the_order_and_a_limit_counts(database: Database) -> None:
    emails = [f"{letter}@example.org" for letter in "cab"]
    for email in emails:
        await database.run(people.ADD, **a_person(email=email))
    assert [row.email for row in await database.many(people.LIST)] == sorted(emails)
    assert [row.email for row in await database.many(people.LIST_LONG)] == sorted(emails)
    assert [row.email for row in await database.many(people.FIRST_EMAILS, n=2)] == sorted(emails)[
        :2
    ]


async def test_one_gives_the_first_row_of_several(database: Database) -> None:
    for letter in "ba":
        await database.run(people.ADD, **a_person(email=f"{letter}@example.org"))
    row = await database.one(people.LIST)
    assert row is not None
    assert row.email == "a@example.org"


async def test_run_counts_the_rows_it_touched(database: Database) -> None:
    ada, bob = a_person(), a_person()
    assert await database.run(people.ADD, **ada) == 1
    assert await database.run(people.ADD_RETURNING, **bob) == 1
    assert await database.run(people.ADVANCE_ALL) == 2
    assert await database.run(people.ADVANCE, id=uuid4()) == 0
    assert await database.run(people.REMOVE, id=ada["id"]) == 1
    assert await database.run(people.REMOVE_ALL) == 1


async def test_a_change_can_answer_with_the_row(database: Database) -> None:
    ada = a_person()
    assert await database.one(people.ADD_RETURNING, **ada) == people.Person(**ada)
    advanced = await database.many(people.ADVANCE_RETURNING, id=ada["id"])
    assert advanced == [people.Generation(1)]
    assert await database.one(people.ADVANCE_RETURNING, id=uuid4()) is None


async def test_an_update_returns_what_other_tables_say_about_its_row(database: Database) -> None:
    ada, bob = a_person(), a_person()
    async with database.transaction() as tx:
        for person in (ada, bob):
            await tx.run(people.ADD, **person)
            await tx.run(people.ADD_ROLE, id=uuid4(), person_id=person["id"], name="user")
        await tx.run(people.ADD_ROLE, id=uuid4(), person_id=ada["id"], name="admin")
    rotated = await database.one(people.ROTATE, id=ada["id"], presented=4)
    assert rotated is not None
    assert (rotated.generation, rotated.email) == (5, ada["email"])
    assert sorted((rotated.roles or "").split(",")) == ["admin", "user"]
    assert await database.one(people.ROTATE, id=ada["id"], presented=4) is None


async def test_columns_of_the_same_name_are_not_mixed_up_in_returning(database: Database) -> None:
    ada, bob, role = a_person(), a_person(), uuid4()
    async with database.transaction() as tx:
        await tx.run(people.ADD, **ada)
        await tx.run(people.ADD, **bob)
        await tx.run(people.ADD_ROLE, id=role, person_id=bob["id"], name="user")
    owner = await database.one(people.RENAME_ROLE, id=role, name="admin")
    assert owner is not None
    assert (owner.id, owner.email) == (role, bob["email"])


async def test_an_upsert_changes_the_row_that_is_there(database: Database) -> None:
    ada = a_person(balance=1)
    await database.run(people.SAVE, **ada)
    saved = await database.one(people.SAVE, **a_person(email=ada["email"], balance=2**40))
    assert saved == people.Person(**ada | {"balance": 2**40})


async def test_constants_of_a_statement_are_converted_too(database: Database) -> None:
    ada, bob = a_person(), a_person()
    await database.run(people.ADD, **ada)
    await database.run(people.ADD, **bob)
    await database.run(people.DISABLE, id=bob["id"])
    assert [row.id for row in await database.many(people.ACTIVE)] == [ada["id"]]


async def test_in_list_finds_members_of_every_type(database: Database) -> None:
    ada, bob = (
        a_person(status=Status.DISABLED),
        a_person(created_at=datetime(1999, 1, 1, tzinfo=UTC)),
    )
    for person in (ada, bob, a_person()):
        await database.run(people.ADD, **person)

    async def ids(statement: Any, **values: Any) -> set[UUID]:
        return {row.id for row in await database.many(statement, **values)}

    both = {ada["id"], bob["id"]}
    assert await ids(people.AMONG_IDS, ids=[*both, uuid4()]) == both
    assert await ids(people.AMONG_IDS, ids=[]) == set()
    assert await ids(people.AMONG_EMAILS, emails=(bob["email"], "x'--")) == {bob["id"]}
    assert await ids(people.AMONG_TIMES, times=[bob["created_at"]]) == {bob["id"]}
    assert await ids(people.AMONG_STATUSES, statuses=[Status.DISABLED]) == {ada["id"]}


async def test_a_longer_value_in_a_list_does_not_match_its_beginning(database: Database) -> None:
    email = "x" * 320
    await database.run(people.ADD, **a_person(email=email))
    assert await database.many(people.AMONG_EMAILS, emails=[email + "y"]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "a\0b"},
        {"email": "half \ud83d"},
        {"preferences": {"a": "\0"}},
        {"preferences": {"\0": 1}},
        {"preferences": {"a": "\ud83d"}},
        {"preferences": {"a": float("nan")}},
        {"balance": 2**70},
        {"created_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))},
    ],
)
async def test_what_no_column_can_hold_is_the_callers_mistake(
    database: Database, wrong: dict[str, Any]
) -> None:
    with pytest.raises(UnstorableValue):
        await database.run(people.ADD, **a_person(**wrong))
    assert await database.many(people.LIST) == []


async def test_nul_in_a_list_is_the_callers_mistake(database: Database) -> None:
    with pytest.raises(UnstorableValue):
        await database.many(people.AMONG_EMAILS, emails=["a\0"])


@pytest.mark.parametrize("wrong", [{"id": "not a uuid"}, {"preferences": "text"}])
async def test_a_value_of_another_type_is_a_type_error(
    database: Database, wrong: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        await database.run(people.ADD, **a_person(**wrong))


async def test_missing_and_surplus_values_are_named(database: Database) -> None:
    with pytest.raises(TypeError, match="misses id"):
        await database.one(people.FIND)
    with pytest.raises(TypeError, match="knows no email"):
        await database.one(people.FIND, id=uuid4(), email="a@example.org")


async def test_a_unique_violation_knows_its_columns(database: Database) -> None:
    ada = a_person()
    await database.run(people.ADD, **ada)
    with pytest.raises(UniqueViolation) as of_email:
        await database.run(people.ADD, **a_person(email=ada["email"]))
    with pytest.raises(UniqueViolation) as of_id:
        await database.run(people.ADD, **a_person(id=ada["id"]))
    columns = people.people.c
    assert of_email.value.concerns(columns.email)
    assert not of_email.value.concerns(columns.id)
    assert of_id.value.concerns(columns.id)
    assert of_email.value.__cause__ is not None


async def test_a_unique_violation_of_two_columns_knows_both(database: Database) -> None:
    ada = a_person()
    await database.run(people.ADD, **ada)
    await database.run(people.ADD_ROLE, id=uuid4(), person_id=ada["id"], name="user")
    with pytest.raises(UniqueViolation) as violation:
        await database.run(people.ADD_ROLE, id=uuid4(), person_id=ada["id"], name="user")
    columns = people.roles.c
    assert violation.value.concerns(columns.name, columns.person_id)
    assert not violation.value.concerns(columns.name)


async def test_foreign_keys_hold_in_both_directions(database: Database) -> None:
    with pytest.raises(ForeignKeyViolation):
        await database.run(people.ADD_ROLE, id=uuid4(), person_id=uuid4(), name="user")
    ada = a_person()
    await database.run(people.ADD, **ada)
    await database.run(people.ADD_ROLE, id=uuid4(), person_id=ada["id"], name="user")
    with pytest.raises(ForeignKeyViolation):
        await database.run(people.REMOVE, id=ada["id"])
    assert len(await database.many(people.LIST)) == 1


async def test_it_answers_a_ping(database: Database) -> None:
    await database.ping()


async def test_many_tasks_lose_no_update(database: Database) -> None:
    ada = a_person()
    await database.run(people.ADD, **ada)
    await asyncio.gather(*(database.run(people.ADVANCE, id=ada["id"]) for _ in range(40)))
    row = await database.one(people.FIND, id=ada["id"])
    assert row is not None
    assert row.generation == 40


async def test_of_racing_conditional_updates_one_wins(database: Database) -> None:
    ada = a_person()
    await database.run(people.ADD, **ada)
    won = await asyncio.gather(
        *(database.run(people.ADVANCE_FROM, id=ada["id"], seen=0) for _ in range(20))
    )
    assert sorted(won) == [0] * 19 + [1]
