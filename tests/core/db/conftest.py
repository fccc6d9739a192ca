"""One database of each kind, with the schema of `parts.people` in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from parts import people
from parts.postgres import PostgresServer, execute, run_apart
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from keywright.core.db import Database
from keywright.core.db.borrowed import Borrowed
from keywright.core.db.dialects import POSTGRESQL, SQLITE
from keywright.core.db.postgres import PostgresDatabase
from keywright.core.db.sqlite import SqliteDatabase
from keywright.sqlite import configure

KINDS = ["sqlite-file", "sqlite-memory", "postgres", "borrowed-sqlite", "borrowed-postgres"]


@pytest.fixture
async def sqlite_file(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "people.db")
    await database.open()
    await create_people(database)
    yield database
    await database.close()


@pytest.fixture
async def sqlite_memory() -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase()
    await database.open()
    await create_people(database)
    yield database
    await database.close()


async def create_people(database: SqliteDatabase) -> None:
    async with database.exclusive() as connection:
        for sql in people.schema(SQLITE):
            connection.execute(sql)


@pytest.fixture(scope="session")
def people_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a PostgreSQL database with the schema, made once for each worker."""
    name = postgres_server.create_database()
    url = postgres_server.url(name)
    run_apart(execute(url, ";".join(people.schema(POSTGRESQL))))
    yield url
    postgres_server.drop_database(name)


@pytest.fixture
def people_url(people_database: str) -> Iterator[str]:
    """The same with no rows in it."""
    yield people_database
    run_apart(execute(people_database, "TRUNCATE kw_person, kw_person_role"))


@pytest.fixture
async def postgres(people_url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(people_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def host_on_postgres(people_url: str) -> AsyncIterator[AsyncConnection]:
    """A host application's own connection, in a transaction as soon as it is used."""
    engine = create_async_engine(people_url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


@pytest.fixture
async def host_on_sqlite(tmp_path: Path) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'host.db'}")
    configure(engine)
    async with engine.begin() as connection:
        await connection.run_sync(people.metadata.create_all)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


@pytest.fixture
async def borrowed_sqlite(host_on_sqlite: AsyncConnection) -> Borrowed:
    return Borrowed(host_on_sqlite)


@pytest.fixture
async def borrowed_postgres(host_on_postgres: AsyncConnection) -> Borrowed:
    return Borrowed(host_on_postgres)


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest) -> Database:
    """Each kind of database in turn: they all keep one contract."""
    database: Database = request.getfixturevalue(request.param.replace("-", "_"))
    return database
