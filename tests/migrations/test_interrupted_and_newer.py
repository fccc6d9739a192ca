"""A migration that was killed half-way left nothing; a database of a later version is left alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from parts.schemas import Place, fill, read_all, table_names
from parts.server import PRODUCTION, run_keywright

from keywright.migrations import HEAD, current_revision, downgrade, upgrade
from keywright.migrations.state import VERSION_TABLE, NewerDatabase
from keywright.tables import metadata

pytestmark = pytest.mark.anyio

LATER = "9999"
# Makes every table, says so, and would wait for good in the middle of its transaction.
STOPPED_HALF_WAY = """
import asyncio, os, sys, threading
from alembic import command
from keywright.core.db import open_database
from keywright.migrations.upgrade import migrate

def go_half_way(config):
    command.upgrade(config, "head")
    os.write(1, b"half-way")
    threading.Event().wait()

async def main(url):
    db = open_database(url)
    await db.open()
    await migrate(db, url, go_half_way)

asyncio.run(main(sys.argv[1]))
"""


async def test_a_migration_that_is_killed_leaves_nothing_and_the_next_one_succeeds(
    place: Place,
) -> None:
    migrating = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STOPPED_HALF_WAY, place.url), stdout=subprocess.PIPE
    )
    assert migrating.stdout is not None
    assert await migrating.stdout.readexactly(len("half-way")) == b"half-way"
    migrating.kill()
    await migrating.communicate()
    assert await place.work(table_names) == set()
    async with place.opened() as db:
        assert await current_revision(db) is None
        await upgrade(db, place.url)
        assert await current_revision(db) == HEAD
    assert set(metadata.tables) <= await place.work(table_names)


async def test_whoever_waits_for_a_killed_migration_does_the_work(place: Place) -> None:
    migrating = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STOPPED_HALF_WAY, place.url), stdout=subprocess.PIPE
    )
    assert migrating.stdout is not None
    await migrating.stdout.readexactly(len("half-way"))
    async with place.opened() as db:
        waiting = asyncio.create_task(upgrade(db, place.url))
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done()
        migrating.kill()
        await migrating.communicate()
        await waiting
        assert await current_revision(db) == HEAD


async def pretend_a_later_version_was_here(place: Place) -> None:
    versions = sa.table(VERSION_TABLE, sa.column("version_num", sa.String))
    later = versions.update().values(version_num=LATER)
    await place.work(lambda connection: connection.execute(later))


async def test_a_database_of_a_later_version_is_refused_and_left_as_it_is(place: Place) -> None:
    async with place.opened() as db:
        await upgrade(db, place.url)
        await place.work(fill, metadata)
        await pretend_a_later_version_was_here(place)
        before = await place.work(read_all, metadata)
        for move in (upgrade, downgrade):
            with pytest.raises(NewerDatabase, match=rf"{LATER}.*up to {HEAD}.*Nothing was changed"):
                await move(db, place.url)
        assert await place.work(read_all, metadata) == before
        assert await current_revision(db) == LATER


async def test_the_program_says_so_in_a_sentence(place: Place, tmp_path: Path) -> None:
    async with place.opened() as db:
        await upgrade(db, place.url)
    await pretend_a_later_version_was_here(place)
    for command in (("migrate",), ("migrate", "--check"), ("serve", "--port", "0"), ("doctor",)):
        answer = await asyncio.to_thread(
            run_keywright, *command, directory=tmp_path, settings={"DATABASE_URL": place.url}
        )
        assert answer.returncode != 0
        assert f"at revision {LATER}" in answer.stdout + answer.stderr
        assert "Traceback" not in answer.stdout + answer.stderr


async def test_production_refuses_to_start_on_it(postgres_place: Place, tmp_path: Path) -> None:
    async with postgres_place.opened() as db:
        await upgrade(db, postgres_place.url)
    await pretend_a_later_version_was_here(postgres_place)
    settings = {**PRODUCTION, "DATABASE_URL": postgres_place.url}
    answer = await asyncio.to_thread(
        run_keywright, "serve", "--port", "0", directory=tmp_path, settings=settings
    )
    assert answer.returncode != 0
    assert f"The database is at revision {LATER}" in answer.stdout + answer.stderr
