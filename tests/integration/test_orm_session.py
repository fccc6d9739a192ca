"""A host's ORM in our transaction, and we in a host's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from keywright import Keywright, Settings
from keywright.accounts.users import service as users

pytestmark = pytest.mark.anyio


class Base(DeclarativeBase): ...


class Album(Base):
    __tablename__ = "album"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'host.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
async def kw(database_url: str, tmp_path: Path) -> AsyncIterator[Keywright]:
    keywright_ = Keywright(
        Settings(data_dir=tmp_path, database_url=database_url, argon2_memory_kib=8)
    )
    async with keywright_.lifespan():
        yield keywright_


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    driver = "sqlite+aiosqlite" if database_url.startswith("sqlite") else "postgresql+asyncpg"
    engine = create_async_engine(driver + database_url[database_url.index(":") :])
    if database_url.startswith("sqlite"):
        from keywright.sqlite import configure

        configure(engine)
    yield engine
    await engine.dispose()


async def titles(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return list(await connection.scalars(sa.select(Album.title)))


async def create_album_table(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


async def test_an_orm_session_writes_with_our_transaction(
    kw: Keywright, engine: AsyncEngine
) -> None:
    await create_album_table(engine)
    async with kw.context.db.transaction(alone=True) as tx, kw.orm_session(tx) as session:
        session.add(Album(id=1, title="Blue"))
    assert await titles(engine) == ["Blue"]


async def test_an_orm_session_is_undone_with_our_transaction(
    kw: Keywright, engine: AsyncEngine
) -> None:
    await create_album_table(engine)
    with pytest.raises(LookupError):
        async with kw.context.db.transaction(alone=True) as tx:
            async with kw.orm_session(tx) as session:
                session.add(Album(id=1, title="Blue"))
            raise LookupError
    assert await titles(engine) == []


async def test_an_error_in_an_orm_session_undoes_it_alone(
    kw: Keywright, engine: AsyncEngine
) -> None:
    await create_album_table(engine)
    async with kw.context.db.transaction(alone=True) as tx:
        async with kw.orm_session(tx) as session:
            session.add(Album(id=1, title="Blue"))
        with pytest.raises(LookupError):
            async with kw.orm_session(tx) as session:
                session.add(Album(id=2, title="Green"))
                await session.flush()
                raise LookupError
    assert await titles(engine) == ["Blue"]


SLOW = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000000) "
    "SELECT max(x) FROM n",
    "postgresql": "SELECT pg_sleep(30)",
}


async def test_a_hook_that_runs_out_of_time_in_an_orm_session_leaves_no_noise(
    kw: Keywright, engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """As `core.hooks` cuts a hook off: the connection is ours to end, and says nothing of it."""
    await create_album_table(engine)
    db = kw.context.db
    with pytest.raises(TimeoutError):
        async with (
            db.transaction(alone=True) as tx,
            asyncio.timeout(0.1),
            kw.orm_session(tx) as session,
        ):
            session.add(Album(id=1, title="Blue"))
            await session.flush()
            await session.execute(sa.text(SLOW[db.dialect]))
    assert [record.getMessage() for record in caplog.records] == []
    assert await titles(engine) == []
    await make_user(kw, "ada@example.com")  # the pool gives a connection that works


async def make_user(kw: Keywright, email: str) -> None:
    async with kw.context.db.transaction() as tx:
        await users.create(
            tx, email=email, password_hash=None, now=kw.context.clock.now(), verified=True
        )


async def test_keywright_writes_in_a_hosts_transaction(kw: Keywright, engine: AsyncEngine) -> None:
    async with engine.connect() as connection, kw.using(connection) as inside:
        await make_user(inside, "ada@example.com")
        await connection.commit()
    assert await users.find_by_email(kw.context.db, "ada@example.com") is not None


async def test_keywright_is_undone_with_a_hosts_transaction(
    kw: Keywright, engine: AsyncEngine
) -> None:
    async with engine.connect() as connection, kw.using(connection) as inside:
        await make_user(inside, "ada@example.com")
        await connection.rollback()
    assert await users.find_by_email(kw.context.db, "ada@example.com") is None


async def test_what_keywright_would_tell_waits_for_the_hosts_commit(
    kw: Keywright, engine: AsyncEngine
) -> None:
    told: list[str] = []
    async with engine.connect() as connection, kw.using(connection) as inside:
        async with inside.context.db.transaction() as tx:
            tx.after_commit(lambda: told.append("committed"))
        assert told == []
        await connection.commit()
    assert told == ["committed"]
