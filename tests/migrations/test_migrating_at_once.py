"""Several processes bring one database up at the same time: one does the work, all succeed."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa
from parts.postgres import execute
from parts.schemas import Place, table_names
from parts.server import PROGRAM, environment

from keywright.migrations import HEAD, current_revision, upgrade
from keywright.tables import metadata

pytestmark = pytest.mark.anyio

PROCESSES = 3


async def test_processes_that_migrate_at_once_all_succeed(place: Place, tmp_path: Path) -> None:
    migrating = [
        await asyncio.create_subprocess_exec(
            *(PROGRAM, "migrate"),
            cwd=tmp_path,
            env=environment({"DATABASE_URL": place.url}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(PROCESSES)
    ]
    said = [(await one.communicate())[0].decode() for one in migrating]
    assert [one.returncode for one in migrating] == [0] * PROCESSES, said
    await assert_complete(place)


async def test_handles_in_one_process_that_migrate_at_once_all_succeed(place: Place) -> None:
    async with place.opened() as first, place.opened() as second, place.opened() as third:
        await asyncio.gather(*(upgrade(db, place.url) for db in (first, second, third)))
    await assert_complete(place)


async def test_they_succeed_where_transactions_are_repeatable_reads(postgres_place: Place) -> None:
    """Whoever waited for the others must see what they did, whatever the database's default."""
    database = sa.engine.make_url(postgres_place.url).database
    alter = f'ALTER DATABASE "{database}" SET default_transaction_isolation = "repeatable read"'
    await execute(postgres_place.url, alter)
    await test_handles_in_one_process_that_migrate_at_once_all_succeed(postgres_place)


async def test_a_migration_waits_for_a_transaction_of_somebody_else(sqlite_place: Place) -> None:
    async with sqlite_place.opened() as db, sqlite_place.opened() as other:
        async with other.exclusive() as raw:  # type: ignore[attr-defined]  # SqliteDatabase
            raw.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(upgrade(db, sqlite_place.url))
            await asyncio.wait([waiting], timeout=0.1)
            assert not waiting.done()
            raw.execute("COMMIT")
        await waiting
    await assert_complete(sqlite_place)


async def assert_complete(place: Place) -> None:
    async with place.opened() as db:
        assert await current_revision(db) == HEAD
    assert set(metadata.tables) <= await place.work(table_names)
