"""What was confirmed survives `kill -9`, and nothing is there by half."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from parts import people, writer_process

from keywright.core.db import Database
from keywright.core.db.postgres import PostgresDatabase
from keywright.core.db.sqlite import SqliteDatabase

pytestmark = pytest.mark.anyio
KILLS = 4


def confirmed_before_the_kill(url: str) -> list[UUID]:
    """Who had been confirmed when the writing process was killed, at a random moment."""
    process = subprocess.Popen(
        [sys.executable, writer_process.__file__, url], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    confirmed = [process.stdout.readline() for _ in range(random.randint(1, 60))]
    process.kill()
    rest, _ = process.communicate()
    lines = [*confirmed, *rest.splitlines(keepends=True)]
    return [UUID(line.decode().strip()) for line in lines if line.endswith(b"\n")]


async def expect_all_and_nothing_by_half(database: Database, confirmed: list[UUID]) -> None:
    found = {person.id for person in await database.many(people.LIST)}
    with_role = {role.person_id for role in await database.many(people.LIST_ROLES)}
    assert set(confirmed) <= found
    assert with_role == found


async def test_nothing_confirmed_by_sqlite_is_lost(
    sqlite_file: SqliteDatabase, tmp_path: Path
) -> None:
    confirmed: list[UUID] = []
    for _ in range(KILLS):
        confirmed += confirmed_before_the_kill(f"sqlite:///{tmp_path / 'people.db'}")
        await expect_all_and_nothing_by_half(sqlite_file, confirmed)
        await sqlite_file.run(people.ADVANCE_ALL)


async def test_nothing_confirmed_by_postgresql_is_lost(
    postgres: PostgresDatabase, people_url: str
) -> None:
    confirmed: list[UUID] = []
    for _ in range(KILLS):
        confirmed += confirmed_before_the_kill(people_url)
        await expect_all_and_nothing_by_half(postgres, confirmed)


@contextmanager
def another_process_signing_up(url: str) -> Iterator[list[bytes]]:
    """Fills the list with whom it confirmed, once it has ended."""
    confirmed: list[bytes] = []
    process = subprocess.Popen(
        [sys.executable, writer_process.__file__, url], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield confirmed
    process.kill()
    confirmed += process.communicate()[0].splitlines()


async def test_two_processes_write_to_one_sqlite_file(
    sqlite_file: SqliteDatabase, tmp_path: Path
) -> None:
    """The command line may write while the server runs; neither fails and neither loses."""
    with another_process_signing_up(f"sqlite:///{tmp_path / 'people.db'}") as confirmed:
        for number in range(50):
            await sqlite_file.run(people.ADD, **people.a_person(email=f"{number}@own.example"))
    emails = [person.email for person in await sqlite_file.many(people.LIST)]
    assert sum(email.endswith("@own.example") for email in emails) == 50
    assert len(emails) > 50 + len(confirmed)
