"""SQLite: other processes, long reads, and a disk that fails."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from parts import people
from parts.people import a_person

from keywright.core.db import DatabaseUnavailable, Statement
from keywright.core.db.sqlite import SqliteDatabase

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path, sqlite_file: SqliteDatabase) -> Path:
    return tmp_path / "people.db"


@asynccontextmanager
async def opened(path: Path, **options: float) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path, **options)  # type: ignore[arg-type]
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def another_process_writing(path: Path) -> Iterator[sqlite3.Connection]:
    """The lock as another process holds it: SQLite locks files, not processes."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    finally:
        connection.close()


async def longest_pause_during(work: asyncio.Future[object]) -> float:
    """How long the event loop stood still at most, in seconds, until `work` was done."""
    longest, last = 0.0, time.perf_counter()
    while not work.done():
        await asyncio.sleep(0.001)
        longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    return longest


async def test_another_processs_lock_does_not_stop_the_event_loop(
    sqlite_file: SqliteDatabase, path: Path
) -> None:
    ada = a_person()
    with another_process_writing(path) as other:
        write = asyncio.ensure_future(sqlite_file.run(people.ADD, **ada))
        asyncio.get_running_loop().call_later(0.3, other.execute, "COMMIT")
        assert await longest_pause_during(write) < 0.1
    assert await write == 1


async def test_a_lock_that_never_frees_is_an_outage_for_all_who_wait_at_once(
    sqlite_file: SqliteDatabase, path: Path
) -> None:
    async with opened(path, lock_timeout=0.2) as database:
        with another_process_writing(path):
            started = time.perf_counter()
            results = await asyncio.gather(
                *(database.run(people.ADD, **a_person()) for _ in range(5)),
                return_exceptions=True,
            )
            assert time.perf_counter() - started < 2
        assert [type(result) for result in results] == [DatabaseUnavailable] * 5
        assert isinstance(results[0].__cause__, sqlite3.OperationalError)  # type: ignore[union-attr]
        assert await database.run(people.ADD, **a_person()) == 1


async def test_a_transaction_alone_that_never_ends_is_an_outage_for_the_others(
    path: Path,
) -> None:
    async with opened(path, lock_timeout=0.1) as database:
        async with database.transaction(alone=True) as tx:
            other = asyncio.ensure_future(database.run(people.ADD, **a_person()))
            with pytest.raises(DatabaseUnavailable):
                await other
            await tx.run(people.ADD, **a_person())
        assert len(await database.many(people.LIST)) == 1


async def test_what_another_process_wrote_is_seen_at_once(
    sqlite_file: SqliteDatabase, path: Path
) -> None:
    ada = a_person()
    await sqlite_file.run(people.ADD, **ada)
    with another_process_writing(path) as other:
        other.execute("UPDATE kw_person SET generation = 7")
        other.execute("COMMIT")
    row = await sqlite_file.one(people.FIND, id=ada["id"])
    assert row is not None
    assert row.generation == 7


async def test_a_long_read_leaves_the_event_loop_free(sqlite_file: SqliteDatabase) -> None:
    counted = sa.select(sa.literal(1).label("n")).cte(recursive=True)
    counted = counted.union_all(
        sa.select(counted.c.n + 1).where(counted.c.n < sa.literal(1_000_000))
    )
    count = Statement(
        sa.select(sa.func.max(counted.c.n).label("generation")), people.Generation, long=True
    )
    read = asyncio.ensure_future(sqlite_file.many(count))
    assert await longest_pause_during(read) < 0.1
    assert await read == [people.Generation(1_000_000)]


@contextmanager
def no_more_room_after(path: Path) -> Iterator[None]:
    """No file of this process grows beyond the size that `path` has now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_when_the_commit_fails_nobody_of_the_batch_has_written(
    sqlite_file: SqliteDatabase, path: Path
) -> None:
    await sqlite_file.run(people.ADD, **a_person())
    heard: list[str] = []

    async def sign_up() -> None:
        async with sqlite_file.transaction() as tx:
            await tx.run(people.ADD, **a_person())
            tx.after_commit(lambda: heard.append("committed"))

    with no_more_room_after(path.with_name("people.db-wal")):
        results = await asyncio.gather(*(sign_up() for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseUnavailable] * 3
    assert isinstance(results[0].__cause__, sqlite3.Error)  # type: ignore[union-attr]
    assert heard == []
    assert len(await sqlite_file.many(people.LIST)) == 1
    await sign_up()
    assert len(await sqlite_file.many(people.LIST)) == 2


async def test_a_disk_that_fills_up_during_a_statement_fails_the_batch_and_heals(
    sqlite_file: SqliteDatabase,
) -> None:
    async with sqlite_file.exclusive() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")
    huge = [a_person(secret=bytes(200_000)) for _ in range(3)]
    results = await asyncio.gather(
        *(sqlite_file.run(people.ADD, **person) for person in huge), return_exceptions=True
    )
    assert [type(result) for result in results] == [DatabaseUnavailable] * 3
    async with sqlite_file.exclusive() as connection:
        connection.execute("PRAGMA max_page_count=1000000")
    assert await sqlite_file.many(people.LIST) == []
    assert await sqlite_file.run(people.ADD, **huge[0]) == 1


async def test_the_file_belongs_to_its_owner_alone(sqlite_file: SqliteDatabase, path: Path) -> None:
    await sqlite_file.run(people.ADD, **a_person())
    for file in path.parent.glob("people.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


async def test_it_is_durable_and_checks_foreign_keys(sqlite_file: SqliteDatabase) -> None:
    async with sqlite_file.exclusive() as connection:
        settings = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    full = 2
    assert settings == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": 0,
    }


async def test_several_processes_may_open_an_empty_file_at_once(tmp_path: Path) -> None:
    databases = [SqliteDatabase(tmp_path / "new.db") for _ in range(8)]
    await asyncio.gather(*(database.open() for database in databases))
    for database in databases:
        await database.ping()
        await database.close()


async def test_a_folder_that_is_not_there_is_an_outage(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable) as refused:
        await SqliteDatabase(tmp_path / "missing" / "too" / "people.db").open()
    assert isinstance(refused.value.__cause__, FileNotFoundError)


async def test_a_closed_database_says_so(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "people.db")
    with pytest.raises(DatabaseUnavailable, match="not open"):
        await database.ping()
    await database.open()
    await database.close()
    with pytest.raises(DatabaseUnavailable, match="not open"):
        await database.run(people.ADD, **a_person())


async def test_a_file_that_is_no_database_is_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    path.write_text("This is a letter, and a long one. " * 100)
    with pytest.raises(DatabaseUnavailable):
        await SqliteDatabase(path).open()


async def test_closing_waits_for_what_is_under_way(tmp_path: Path) -> None:
    async with opened(tmp_path / "people.db") as database:
        async with database.exclusive() as connection:
            connection.execute("CREATE TABLE kw_person (id PRIMARY KEY, generation)")
        advance = asyncio.ensure_future(database.run(people.ADVANCE_ALL))
        await asyncio.sleep(0)
    assert await advance == 0


async def test_lists_use_the_index(sqlite_file: SqliteDatabase) -> None:
    from keywright.core.db.dialects import SQLITE

    sql = people.AMONG_IDS.compiled(SQLITE).sql
    async with sqlite_file.exclusive() as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", ["[]"]).fetchall()
    assert any("SEARCH kw_person USING INDEX" in line[-1] for line in plan)
