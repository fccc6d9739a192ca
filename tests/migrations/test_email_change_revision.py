"""Revision 0002 on a database with rows in every table of 0001, a host's photos included."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from parts.schemas import Place, Rows, fill, host_tables, read_all

from keywright.accounts.link_tokens.models import LinkPurpose
from keywright.migrations import downgrade, upgrade
from keywright.migrations.state import VERSION_TABLE
from keywright.tables import metadata

pytestmark = pytest.mark.anyio
OF_CHANGES = (LinkPurpose.CHANGE_EMAIL, LinkPurpose.UNDO_EMAIL_CHANGE, LinkPurpose.RESET_PASSWORD)


def tables_there(connection: sa.Connection) -> sa.MetaData:
    """As the revision has them, with the types of the code."""
    inspector, there = sa.inspect(connection), sa.MetaData()
    for name in inspector.get_table_names():
        if name != VERSION_TABLE and name in metadata.tables:
            copied = metadata.tables[name].to_metadata(there)
            have = {column["name"] for column in inspector.get_columns(name)}
            for column in list(copied.columns):
                if column.name not in have:
                    copied._columns.remove(column)
    return there


def fill_what_is_there(connection: sa.Connection) -> None:
    fill(connection, tables_there(connection))


def read_what_is_there(connection: sa.Connection) -> Rows:
    return read_all(connection, tables_there(connection))


def add_photo(connection: sa.Connection) -> None:
    users = metadata.tables["kw_user"]
    owner = connection.execute(sa.select(users.c.id).limit(1)).scalar_one()
    photos = host_tables().tables["photo"]
    connection.execute(photos.insert(), {"id": 1, "owner_id": owner})


def photos_there(connection: sa.Connection) -> int:
    photos = host_tables().tables["photo"]
    return connection.execute(sa.select(sa.func.count()).select_from(photos)).scalar_one()


async def test_the_rows_of_before_are_the_same_after_the_way_up_and_down(place: Place) -> None:
    async with place.opened() as db:
        await upgrade(db, place.url, "0001")
        await place.work(host_tables().tables["photo"].create)
        await place.work(fill_what_is_there)
        await place.work(give_purposes, [LinkPurpose.RESET_PASSWORD] * 3)
        await place.work(add_photo)
        before = await place.work(read_what_is_there)
        assert all(before.values())
        await upgrade(db, place.url, "0002")
        after = await place.work(read_what_is_there)
        assert after.pop("kw_reserved_address") == []
        new = [row[-2:] for row in after["kw_link_token"]]
        after["kw_link_token"] = [row[:-2] for row in after["kw_link_token"]]
        assert after == before
        assert new == [(None, None)] * 3
        await downgrade(db, place.url, "0001")
        assert await place.work(read_what_is_there) == before
        assert await place.work(photos_there) == 1


async def test_the_way_down_takes_the_links_that_the_version_before_does_not_know(
    place: Place,
) -> None:
    async with place.opened() as db:
        await upgrade(db, place.url, "0002")
        await place.work(fill_what_is_there)
        await place.work(give_purposes, OF_CHANGES)
        before = await place.work(read_what_is_there)
        await downgrade(db, place.url, "0001")
        kept = await place.work(read_what_is_there)
        assert [row[1] for row in kept["kw_link_token"]] == [LinkPurpose.RESET_PASSWORD]
        assert kept["kw_user"] == before["kw_user"]
        assert "kw_reserved_address" not in kept


def give_purposes(connection: sa.Connection, purposes: Sequence[LinkPurpose]) -> None:
    links = tables_there(connection).tables["kw_link_token"]
    ids = connection.execute(sa.select(links.c.id)).scalars().all()
    for link, purpose in zip(ids, purposes, strict=True):
        changed = sa.update(links).where(links.c.id == link).values(purpose=purpose)
        connection.execute(changed)
