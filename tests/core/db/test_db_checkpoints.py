"""SQLite's write-ahead log is moved into the file beside the event loop, and stays small."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from parts import people
from parts.people import a_person

from keywright.core.db.sqlite import SqliteDatabase, writer

pytestmark = pytest.mark.anyio
MEBIBYTE = 1024 * 1024
LARGE = bytes(16_000)  # four pages
BOUND = 32 * MEBIBYTE


@pytest.fixture
def log(sqlite_file: SqliteDatabase, tmp_path: Path) -> Path:
    return tmp_path / "people.db-wal"


def size_of(file: Path) -> int:
    return file.stat().st_size


async def write_large_rows(database: SqliteDatabase, rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.gather(
            *(database.run(people.ADD, **a_person(secret=LARGE)) for _ in range(50))
        )
        await database.run(people.REMOVE_ALL)


@contextmanager
def another_process_reading(path: Path) -> Iterator[None]:
    """A snapshot that the log must keep."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM kw_person").fetchone()
    try:
        yield
    finally:
        connection.close()


async def test_the_log_stays_small_under_constant_writing(
    sqlite_file: SqliteDatabase, log: Path
) -> None:
    await write_large_rows(sqlite_file, 60)
    assert size_of(log) < BOUND  # more than 48 MiB were written


async def test_the_log_stays_small_while_readers_come_and_go(
    sqlite_file: SqliteDatabase, log: Path
) -> None:
    reading = asyncio.Event()

    async def read_all_the_time() -> None:
        while not reading.is_set():
            await sqlite_file.many(people.LIST)
            await asyncio.sleep(0.001)

    reader = asyncio.ensure_future(read_all_the_time())
    await write_large_rows(sqlite_file, 60)
    reading.set()
    await reader
    assert size_of(log) < BOUND


async def test_a_log_that_a_long_read_made_large_is_cut_when_the_read_has_ended(
    sqlite_file: SqliteDatabase, log: Path
) -> None:
    with another_process_reading(log.with_name("people.db")):
        await write_large_rows(sqlite_file, 100)
        assert size_of(log) > 70 * MEBIBYTE
    await write_large_rows(sqlite_file, 50)
    assert size_of(log) <= 64 * MEBIBYTE


async def test_the_event_loop_waits_for_no_checkpoint(
    sqlite_file: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ROWS_BETWEEN_CHECKPOINTS", 1)
    ran_in: list[threading.Thread] = []

    def watch(sql: str) -> None:
        if "wal_checkpoint" in sql:
            ran_in.append(threading.current_thread())

    async with sqlite_file.exclusive() as connection:
        connection.set_trace_callback(watch)
    await sqlite_file.run(people.ADD, **a_person())
    await sqlite_file.run(people.ADD, **a_person())
    assert ran_in
    assert threading.main_thread() not in ran_in
