"""What a later revision may do, tried with revisions that only these tests know."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from parts.schemas import Place, fill, host_tables, read_all, table_names

from keywright import migrations
from keywright.core.db import Database, DatabaseUnavailable
from keywright.core.db.sqlite import SqliteDatabase
from keywright.migrations import HEAD, current_revision, upgrade
from keywright.migrations.on_sqlite import BrokenReferences
from keywright.migrations.outside import StillReferenced
from keywright.migrations.upgrade import migrate, step_down
from keywright.tables import metadata

pytestmark = pytest.mark.anyio

# SQLite makes the table anew for it, PostgreSQL alters it in place.
REBUILD = """
    with op.batch_alter_table("kw_user") as batch:
        batch.add_column(sa.Column("color", sa.String(20)))
        batch.alter_column("name", type_=sa.String(300))
"""
UNDO_REBUILD = """
    with op.batch_alter_table("kw_user") as batch:
        batch.drop_column("color")
        batch.alter_column("name", type_=sa.String(200))
"""


class History:
    """Ours, and one revision more."""

    def __init__(self, folder: Path, up: str, down: str = "    pass") -> None:
        self.folder = folder
        text = f"""
            import sqlalchemy as sa
            from alembic import op
            revision = "next"
            down_revision = {HEAD!r}
            def upgrade():
            {textwrap.indent(textwrap.dedent(up), "    " * 4)}
            def downgrade():
            {textwrap.indent(textwrap.dedent(down), "    " * 4)}
        """
        (folder / "next.py").write_text(textwrap.dedent(text))

    async def go_up(self, db: Database, place: Place) -> None:
        await self.go(db, place, lambda config: command.upgrade(config, "next"))

    async def go_down(self, db: Database, place: Place) -> None:
        await self.go(db, place, lambda config: step_down(config, HEAD))

    async def go(self, db: Database, place: Place, step: Callable[[Config], None]) -> None:
        ours = Path(migrations.__file__).parent / "versions"

        def knowing_both(config: Config) -> None:
            config.set_main_option("path_separator", "newline")
            config.set_main_option("version_locations", f"{ours}\n{self.folder}")
            step(config)

        await migrate(db, place.url, knowing_both)


async def fill_everything(place: Place, db: Database, host: sa.MetaData) -> None:
    """Ours and the host's, whose photos point at our users."""
    await upgrade(db, place.url)
    await place.work(host.create_all)
    await place.work(fill, metadata)

    def add_photos(connection: sa.Connection) -> None:
        owners = connection.execute(sa.select(metadata.tables["kw_user"].c.id)).scalars().all()
        photos = [{"id": n, "owner_id": owner} for n, owner in enumerate(owners)]
        connection.execute(host.tables["photo"].insert(), photos)

    await place.work(add_photos)


async def everything(place: Place, host: sa.MetaData) -> dict[str, Any]:
    photos = {"photo": (await place.work(read_all, host))["photo"]}
    return {**await place.work(read_all, metadata), **photos}


async def test_rebuilding_the_users_keeps_every_row_that_points_at_them(
    place: Place, tmp_path: Path
) -> None:
    history, host = History(tmp_path, REBUILD, UNDO_REBUILD), host_tables()
    async with place.opened() as db:
        await fill_everything(place, db, host)
        before = await everything(place, host)
        assert all(before.values())
        await history.go_up(db, place)
        assert await current_revision(db) == "next"
        assert await everything(place, host) == before
        await history.go_down(db, place)
        assert await everything(place, host) == before
        await deleting_a_user_deletes_what_is_theirs(place, host)


async def deleting_a_user_deletes_what_is_theirs(place: Place, host: sa.MetaData) -> None:
    """The foreign keys are still there, and still enforced."""
    users, sessions = metadata.tables["kw_user"], metadata.tables["kw_session"]

    def delete_all(connection: sa.Connection) -> list[int]:
        connection.execute(users.delete())
        counted = [sessions, metadata.tables["kw_user_role"], host.tables["photo"]]
        return [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in counted
        ]

    assert await place.work(delete_all) == [0, 0, 0]


@pytest.mark.parametrize(
    "failure",
    [
        'raise RuntimeError("half-way")',
        'op.create_table("kw_made", sa.Column("again", sa.Integer))',
        'op.execute("INSERT INTO kw_made (id) VALUES (1)")',
        'op.execute("nonsense")',
    ],
)
async def test_a_revision_that_fails_half_way_leaves_nothing(
    place: Place, tmp_path: Path, failure: str
) -> None:
    half = f"""
        op.create_table("kw_made", sa.Column("id", sa.Integer, primary_key=True))
        op.execute("INSERT INTO kw_made (id) VALUES (1)")
        op.execute("DELETE FROM kw_session")
        with op.batch_alter_table("kw_user") as batch:
            batch.alter_column("name", type_=sa.String(300))
        {failure}
    """
    history, host = History(tmp_path, half), host_tables()
    async with place.opened() as db:
        await fill_everything(place, db, host)
        before, tables = await everything(place, host), await place.work(table_names)
        with pytest.raises((RuntimeError, sa.exc.DBAPIError)):
            await history.go_up(db, place)
        assert await everything(place, host) == before
        assert await place.work(table_names) == tables
        assert await current_revision(db) == HEAD
        await assert_foreign_keys_are_on(db)
        await db.ping()


async def test_rows_that_would_point_at_nothing_undo_the_revision(
    place: Place, tmp_path: Path
) -> None:
    """SQLite would not notice, since its foreign keys are off meanwhile; PostgreSQL cascades."""
    orphan = 'op.execute("DELETE FROM kw_user")'
    history, host = History(tmp_path, orphan), host_tables()
    async with place.opened() as db:
        await fill_everything(place, db, host)
        before = await everything(place, host)
        if place.is_sqlite:
            with pytest.raises(BrokenReferences):
                await history.go_up(db, place)
            assert await everything(place, host) == before
        else:
            await history.go_up(db, place)
            assert (await everything(place, host))["kw_session"] == []


async def test_a_way_down_that_takes_a_table_of_which_a_host_holds_a_key_is_refused(
    place: Place, tmp_path: Path
) -> None:
    up = 'op.create_table("kw_album", sa.Column("id", sa.Integer, primary_key=True))'
    history = History(tmp_path, up, 'op.drop_table("kw_album")')
    track = sa.text("CREATE TABLE track (id INTEGER, album INTEGER REFERENCES kw_album (id))")
    async with place.opened() as db:
        await upgrade(db, place.url)
        await history.go_up(db, place)
        await place.work(lambda connection: connection.execute(track))
        with pytest.raises(StillReferenced):
            await history.go_down(db, place)
        assert "kw_album" in await place.work(table_names)
        assert await current_revision(db) == "next"


async def test_references_that_an_application_broke_itself_stop_no_migration(
    sqlite_place: Place, tmp_path: Path
) -> None:
    """Written with SQLite's foreign keys off, as they are by default."""
    history, host = History(tmp_path, REBUILD), host_tables()
    async with sqlite_place.opened() as db:
        await fill_everything(sqlite_place, db, host)
        async with db.exclusive() as raw:  # type: ignore[attr-defined]  # SqliteDatabase
            raw.execute("PRAGMA foreign_keys=OFF")
            raw.execute("INSERT INTO photo (id, owner_id) VALUES (99, 'nobody')")
            raw.execute('CREATE TABLE "od""d" (id INTEGER, x INTEGER REFERENCES gone (id))')
            raw.execute('INSERT INTO "od""d" VALUES (1, 1)')
            raw.execute("PRAGMA foreign_keys=ON")
        await history.go_up(db, sqlite_place)
        assert await current_revision(db) == "next"


async def test_foreign_keys_are_on_again_when_nobody_lets_us_begin(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keywright.migrations.on_sqlite.BUSY_SECONDS", 0.05)
    async with sqlite_place.opened() as db, sqlite_place.opened() as other:
        async with other.exclusive() as raw:  # type: ignore[attr-defined]  # SqliteDatabase
            raw.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseUnavailable):
                await upgrade(db, sqlite_place.url)
            raw.execute("ROLLBACK")
        await assert_foreign_keys_are_on(db)
        await upgrade(db, sqlite_place.url)
        assert await current_revision(db) == HEAD


async def assert_foreign_keys_are_on(db: Database) -> None:
    if isinstance(db, SqliteDatabase):
        async with db.exclusive() as raw:
            assert raw.execute("PRAGMA foreign_keys").fetchone() == (1,)
            assert not raw.in_transaction
