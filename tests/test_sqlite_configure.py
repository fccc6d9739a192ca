"""A host's SQLAlchemy engine on the file that Keywright uses too."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from parts import people
from parts.people import a_person
from sqlalchemy.ext.asyncio import create_async_engine

from keywright.core.db.sqlite import SqliteDatabase
from keywright.sqlite import configure

pytestmark = pytest.mark.anyio


def test_a_synchronous_engine_keeps_the_rules(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    configure(engine)
    with engine.connect() as connection:
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    engine.dispose()
    assert settings == ["wal", 2, 1]


async def test_a_host_that_reads_and_then_writes_does_not_fail_beside_keywright(
    tmp_path: Path,
) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'shared.db'}")
    configure(engine)
    async with engine.begin() as connection:
        await connection.run_sync(people.metadata.create_all)
    database = SqliteDatabase(tmp_path / "shared.db")
    await database.open()
    ada = a_person()
    await database.run(people.ADD, **ada)

    async def host_reads_then_writes() -> None:
        async with engine.begin() as connection:
            seen = (await connection.execute(sa.select(people.people.c.generation))).scalar_one()
            await asyncio.sleep(0.01)
            await connection.execute(sa.update(people.people).values(generation=seen + 1))

    await asyncio.gather(
        *(host_reads_then_writes() for _ in range(5)),
        *(database.run(people.ADVANCE, id=ada["id"]) for _ in range(5)),
    )
    row = await database.one(people.FIND, id=ada["id"])
    assert row is not None
    assert row.generation == 10
    await database.close()
    await engine.dispose()
