"""The history goes up and down with rows in every table, ours and those of a host."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from parts.schemas import Place, fill, host_tables, read_all, table_names

from keywright.core.db import Handle
from keywright.migrations import HEAD, current_revision, downgrade, upgrade
from keywright.migrations.include import include_name
from keywright.migrations.outside import StillReferenced
from keywright.migrations.state import VERSION_TABLE
from keywright.migrations.upgrade import alembic_config
from keywright.tables import metadata

pytestmark = pytest.mark.anyio


def scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config(None))  # type: ignore[arg-type]  # reads files


def test_the_history_is_one_line_that_ends_where_the_code_says() -> None:
    assert scripts().get_heads() == [HEAD]
    assert len(scripts().get_bases()) == 1


async def test_every_revision_goes_up_and_down_with_rows_in_every_table(place: Place) -> None:
    """The host's tables, which point at nothing of ours, keep their rows at every step."""
    notes = host_tables().tables["note"]
    revisions = [one.revision for one in reversed(list(scripts().walk_revisions()))]
    async with place.opened() as db:
        await place.work(notes.create)
        await place.work(lambda connection: connection.execute(notes.insert(), [{"id": 7}]))
        for revision in revisions:
            await upgrade(db, place.url, revision)
        await place.work(fill, metadata)
        before = await place.work(read_all, metadata)
        assert all(before.values())
        await upgrade(db, place.url)
        assert await place.work(read_all, metadata) == before
        for revision in [*reversed(revisions[:-1]), "base"]:
            await downgrade(db, place.url, revision)
        assert await place.work(table_names) == {"note"}
        assert await current_revision(db) is None
        assert await place.work(lambda c: c.execute(sa.select(notes.c.id)).scalars().all()) == [7]
        await upgrade(db, place.url)
        assert await current_revision(db) == HEAD
        assert not any((await place.work(read_all, metadata)).values())


async def test_a_second_upgrade_finds_nothing_to_do(place: Place) -> None:
    async with place.opened() as db:
        await upgrade(db, place.url)
        await place.work(fill, metadata)
        before = await place.work(read_all, metadata)
        await upgrade(db, place.url)
        assert await place.work(read_all, metadata) == before


async def test_the_way_down_is_refused_while_a_hosts_table_points_at_ours(place: Place) -> None:
    host = host_tables()
    photos = host.tables["photo"]
    async with place.opened() as db:
        await upgrade(db, place.url)
        await place.work(host.create_all)
        await place.work(fill, metadata)
        owner = (await place.work(read_all, metadata))["kw_user"][0][0]
        await place.work(
            lambda connection: connection.execute(photos.insert(), {"id": 1, "owner_id": owner})
        )
        before = await place.work(read_all, metadata)
        with pytest.raises(StillReferenced, match=r"photo \(owner_id\) → kw_user.*Nothing was"):
            await downgrade(db, place.url)
        assert await place.work(read_all, metadata) == before
        assert len((await place.work(read_all, host))["photo"]) == 1
        assert await current_revision(db) == HEAD
        await enforces_foreign_keys(place, db)


async def test_an_empty_table_of_a_host_is_named_too(place: Place) -> None:
    """SQLite would let the user's table go, and refuse every later write to the host's."""
    host = host_tables()
    photos = host.tables["photo"]
    async with place.opened() as db:
        await upgrade(db, place.url)
        await place.work(host.create_all)
        with pytest.raises(StillReferenced, match="photo"):
            await downgrade(db, place.url)
        await place.work(photos.drop)
        await downgrade(db, place.url)
        assert await place.work(table_names) == {"note"}


async def test_a_view_of_a_host_is_no_riddle(postgres_place: Place) -> None:
    async with postgres_place.opened() as db:
        await upgrade(db, postgres_place.url)
        view = sa.text("CREATE VIEW member AS SELECT id FROM kw_user")
        await postgres_place.work(lambda connection: connection.execute(view))
        with pytest.raises(StillReferenced, match="views"):
            await downgrade(db, postgres_place.url)


async def test_the_migrated_schema_is_that_of_the_code(place: Place) -> None:
    """Tables, columns, types, NULL, constraints and indexes, by their names."""
    async with place.opened() as db:
        await upgrade(db, place.url)
        assert await place.work(differences) == []


@pytest.mark.parametrize(
    "change",
    [
        "DROP INDEX ix_kw_session_user_id",
        "CREATE INDEX ix_kw_session_ip ON kw_session (ip)",
        "ALTER TABLE kw_session ADD COLUMN color INTEGER",
        "ALTER TABLE kw_session DROP COLUMN amr",
        "CREATE TABLE kw_extra (id INTEGER)",
    ],
)
async def test_the_comparison_sees_a_difference(place: Place, change: str) -> None:
    async with place.opened() as db:
        await upgrade(db, place.url)
        await place.work(lambda connection: connection.execute(sa.text(change)))
        assert len(await place.work(differences)) == 1


def differences(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(
        connection,
        opts={
            "target_metadata": metadata,
            "include_name": include_name,
            "compare_type": True,
            "compare_server_default": True,
            "version_table": VERSION_TABLE,
        },
    )
    return list(compare_metadata(context, metadata))


async def test_the_migrated_schema_is_the_one_that_create_all_makes(place: Place) -> None:
    """What Alembic does not compare: primary keys, what a foreign key does on deletion."""
    async with place.opened() as db:
        await upgrade(db, place.url)
        migrated = await place.work(describe)
        await downgrade(db, place.url)
        await place.work(metadata.create_all)
        assert await place.work(describe) == migrated


def describe(connection: sa.Connection) -> dict[str, object]:
    inspector = sa.inspect(connection)
    return {
        table: {
            "columns": [
                (one["name"], repr(one["type"]), one["nullable"], one["default"])
                for one in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(map(repr, inspector.get_foreign_keys(table))),
            "unique": sorted(map(repr, inspector.get_unique_constraints(table))),
            "indexes": sorted(map(repr, inspector.get_indexes(table))),
            "checks": sorted(map(repr, inspector.get_check_constraints(table))),
        }
        for table in sorted(inspector.get_table_names())
        if table != VERSION_TABLE
    }


async def enforces_foreign_keys(place: Place, db: Handle) -> None:
    if place.is_sqlite:
        async with db.exclusive() as raw:  # type: ignore[attr-defined]  # SqliteDatabase
            assert raw.execute("PRAGMA foreign_keys").fetchone() == (1,)
