"""Rules of security.md, "Durability": what is answered is written, whole, and so is its mail."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from parts.house import House, expect, problem
from parts.outages import cable_to

from keywright.accounts.registrations.table import registrations
from keywright.core import hooks
from keywright.core.db.errors import UniqueViolation
from keywright.core.db.sqlite import SqliteDatabase
from keywright.core.events import UserCreated, UserRegistered
from keywright.outbox.table import outbox

pytestmark = pytest.mark.anyio


@pytest.fixture
async def at_home(sqlite_house_url: str, builder, tmp_path: Path) -> AsyncIterator[House]:
    """On SQLite, in a file."""
    async with builder.build(sqlite_house_url, tmp_path) as house:
        yield house


def seen_from_outside(house: House, question: str) -> int:
    """What another process finds in the file at this moment."""
    with closing(sqlite3.connect(house.url.partition(":///")[2])) as other:
        (answer,) = other.execute(question).fetchone()
        return int(answer)


async def test_no_answer_leaves_before_the_commit(at_home):
    native = await at_home.native()
    expect(await native.register(), 202)
    assert seen_from_outside(at_home, "SELECT count(*) FROM kw_registration") == 1


async def test_sqlite_waits_for_the_disk(tmp_path):
    database = SqliteDatabase(tmp_path / "people.db")
    await database.open()
    async with database.exclusive() as raw:
        assert raw.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    await database.close()


async def test_a_message_is_written_with_the_change_that_causes_it(at_home):
    native = await at_home.native()
    expect(await native.register(), 202)
    assert seen_from_outside(at_home, "SELECT count(*) FROM kw_outbox") == 1


async def test_one_failed_request_of_a_commit_group_leaves_nothing_and_takes_nothing_along(at_home):
    """A unit that wrote and then failed, between two that go well."""
    database, people = at_home.db.watched, [await at_home.native() for _ in range(2)]

    async def fail_half_way() -> None:
        async with database.transaction() as tx:
            await at_home.kw.outbox.add(tx, "hook", {})
            raise UniqueViolation("half-way")

    first, failed, second = await asyncio.gather(
        people[0].register("ada@example.com"),
        fail_half_way(),
        people[1].register("eve@example.com"),
        return_exceptions=True,
    )
    expect(first, 202)
    expect(second, 202)
    assert isinstance(failed, UniqueViolation)
    assert await at_home.count(registrations) == await at_home.count(outbox) == 2


async def test_an_on_hook_may_not_take_longer_than_its_second(house, monkeypatch):
    monkeypatch.setattr(hooks, "ON_HOOK_SECONDS", 0.05)

    async def dawdle(event: UserRegistered, tx: object) -> None:
        await asyncio.sleep(0.5)

    house.kw.hooks.on(UserRegistered)(dawdle)
    native = await house.native()
    problem(await native.register(), 503, "hook_timeout")
    assert await house.count(registrations) == await house.count(outbox) == 0


async def test_requests_with_on_hooks_are_in_no_commit_group(at_home):
    """A hook may await what it likes; a shared transaction may not (and warns: an error here)."""

    async def ask_around(event: UserCreated, tx: object) -> None:
        await asyncio.sleep(0.01)

    at_home.kw.hooks.on(UserCreated)(ask_around)
    await (await at_home.native()).join()


async def test_a_database_that_is_gone_is_a_503_and_comes_back(
    postgres_house_url, builder, tmp_path
):
    async with (
        cable_to(postgres_house_url) as (cable, near),
        builder.build(near, tmp_path) as house,
    ):
        native = await house.native()
        await native.join()
        await cable.pull_out()
        answer = await native.refresh()
        problem(answer, 503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        await cable.plug_in()
        expect(await native.refresh(), 200)
