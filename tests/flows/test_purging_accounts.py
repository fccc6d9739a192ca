"""A purge that fails is tried again; what an application's rows point at is what its hook leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
import pytest
import sqlalchemy as sa
from parts.house import ADA, EVE, House, Native, claims_of, expect
from parts.postgres import execute

from keywright import UserDeleting
from keywright.accounts.closings.table import closings
from keywright.accounts.users import service as users
from keywright.core.db import Statement
from keywright.core.principal import UserStatus
from keywright.flows.purge_account import mentions, purge_due

pytestmark = pytest.mark.anyio
HOST = """
    CREATE TABLE host_photo (id INTEGER, owner {uuid} REFERENCES kw_user (id) ON DELETE CASCADE);
    CREATE TABLE host_note (id INTEGER, owner {uuid} REFERENCES kw_user (id) ON DELETE SET NULL);
    CREATE TABLE host_order (
        id INTEGER, owner {uuid} NOT NULL REFERENCES kw_user (id) ON DELETE RESTRICT, name TEXT
    );
"""
NO_HOST = "DROP TABLE host_photo; DROP TABLE host_note; DROP TABLE host_order;"


def table(name: str) -> sa.TableClause:
    columns = (sa.column("id", sa.Integer), sa.column("owner", sa.Uuid))
    return sa.table(name, *columns, sa.column("name", sa.String))


PHOTOS, NOTES, ORDERS = (table(name) for name in ("host_photo", "host_note", "host_order"))
p = sa.bindparam


class NextTry(msgspec.Struct, frozen=True):
    next_try_at: datetime


NEXT_TRIES = Statement(sa.select(closings.c.next_try_at), row=NextTry)
ADD = [
    Statement(sa.insert(one).values(id=sa.literal(1), owner=p("whose")))
    for one in (PHOTOS, NOTES, ORDERS)
]
DROP_PHOTOS = Statement(sa.delete(PHOTOS).where(PHOTOS.c.owner == p("whose")))
EMPTY_NOTES = Statement(sa.update(NOTES).where(NOTES.c.owner == p("whose")).values(owner=None))
HIDE_ORDERS = Statement(sa.update(ORDERS).where(ORDERS.c.owner == p("whose")).values(name="gone"))


async def close(native: Native, email: str = ADA) -> UUID:
    expect(await native.call("POST", "/auth/request-deletion"), 202)
    token = (await native.house.outbox.last(email)).token
    answer = await native.call("POST", "/auth/confirm-deletion", json={"token": token})
    expect(answer, 200)
    return UUID(claims_of(native.access_token)["sub"])


@pytest.fixture
async def ada(house: House) -> UUID:
    native = await house.native()
    await native.join()
    user_id = await close(native)
    house.clock.advance(days=14)
    return user_id


async def run_script(house: House, script: str) -> None:
    if house.db.dialect == "sqlite":
        async with house.db.watched.exclusive() as raw:
            raw.executescript(script)
    else:
        await execute(house.url, script)


async def rows_of(house: House, table: str) -> list[tuple]:
    query = f"SELECT * FROM {table}"
    if house.db.dialect == "sqlite":
        async with house.db.watched.exclusive() as raw:
            return raw.execute(query).fetchall()
    connection = await asyncpg.connect(house.url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


@pytest.fixture
async def host(house: House, ada: UUID) -> AsyncIterator[UUID]:
    """Three tables of an application, each with a row that points at Ada."""
    kind = "BLOB" if house.db.dialect == "sqlite" else "uuid"
    await run_script(house, HOST.format(uuid=kind))
    async with house.kw.db.transaction() as tx:
        for statement in ADD:
            await tx.run(statement, whose=ada)
    yield ada
    await run_script(house, NO_HOST)


async def test_a_purge_that_fails_once_is_retried_and_shown(house, ada):
    failures = iter([RuntimeError("the disk with ada@example.com's photos is full")])

    @house.kw.hooks.on(UserDeleting)
    async def drop_photos(event, tx):
        for failure in failures:
            raise failure

    assert await purge_due(house.kw) == 0
    record = await users.find(house.kw.db, ada)
    assert (record.email, record.status) == (ADA, UserStatus.CLOSING)
    assert await purge_due(house.kw) == 0  # not at once
    house.clock.advance(seconds=10)
    assert await purge_due(house.kw) == 1
    assert (await users.find(house.kw.db, ada)).status is UserStatus.DELETED
    assert await house.count(closings) == 0
    assert len([one for one in await house.outbox.mails(ADA) if "was deleted" in one.subject]) == 1


async def test_one_that_keeps_failing_is_tried_ever_later_and_never_given_up(house, ada):
    @house.kw.hooks.on(UserDeleting)
    async def drop_photos(event, tx):
        raise RuntimeError

    waits = []
    for _ in range(14):
        assert await purge_due(house.kw) == 0
        found = (await house.kw.db.many(NEXT_TRIES))[0]
        waits.append((found.next_try_at - house.clock.now()).total_seconds())
        house.clock.advance(seconds=waits[-1])
    assert waits[:4] == [10, 20, 40, 80]
    assert waits[-2:] == [3600, 3600]


async def test_one_that_fails_keeps_nobody_else(house, ada):
    eve = await house.native()
    await eve.join(EVE)
    other = await close(eve, EVE)
    house.clock.advance(days=14)

    @house.kw.hooks.on(UserDeleting)
    async def drop_photos(event, tx):
        if event.user_id == ada:
            raise RuntimeError

    assert await purge_due(house.kw) == 1
    assert (await users.find(house.kw.db, other)).status is UserStatus.DELETED


async def test_an_owner_may_still_cancel_while_the_purge_fails(house, ada):
    @house.kw.hooks.on(UserDeleting)
    async def drop_photos(event, tx):
        raise RuntimeError

    assert await purge_due(house.kw) == 0
    native = await (await house.native()).sign_in()
    expect(await native.call("POST", "/auth/cancel-deletion"), 200)
    expect(await native.me(), 200)
    assert await house.count(closings) == 0


async def test_a_hook_deletes_empties_and_makes_anonymous_behind_foreign_keys(house, host):
    @house.kw.hooks.on(UserDeleting)
    async def clear(event, tx):
        for statement in (DROP_PHOTOS, EMPTY_NOTES, HIDE_ORDERS):
            await tx.run(statement, whose=event.user_id)

    assert await purge_due(house.kw) == 1
    assert await rows_of(house, "host_photo") == []
    assert await rows_of(house, "host_note") == [(1, None)]
    ((number, owner, name),) = await rows_of(house, "host_order")
    assert (number, name) == (1, "gone")
    assert owner in {host, host.hex, host.bytes}


async def test_without_a_hook_the_tombstone_holds_every_foreign_key(house, host):
    assert await purge_due(house.kw) == 1
    for table in ("host_photo", "host_note", "host_order"):
        ((_, owner, *_),) = await rows_of(house, table)
        assert owner in {host, host.hex, host.bytes}
    assert (await users.find(house.kw.db, host)).status is UserStatus.DELETED


async def test_what_the_hook_did_is_undone_with_a_purge_that_fails(house, host):
    @house.kw.hooks.on(UserDeleting)
    async def clear(event, tx):
        await tx.run(DROP_PHOTOS, whose=event.user_id)
        raise RuntimeError

    assert await purge_due(house.kw) == 0
    assert len(await rows_of(house, "host_photo")) == 1


async def test_of_many_looking_at_once_one_purges(houses, ada):
    purged = await asyncio.gather(*(purge_due(house.kw) for house in houses for _ in range(3)))
    assert sum(purged) == 1
    mails = [one for house in houses for one in await house.outbox.mails(ADA)]
    assert len([one for one in mails if "was deleted" in one.subject]) == 1


def test_a_message_is_somebodys_wherever_it_names_the_address():
    addresses = {"ada@example.com"}
    assert mentions(addresses, {"to": "Ada@Example.com"})
    assert mentions(addresses, {"hook": "x", "event": {"email": "ada@example.com"}})
    assert mentions(addresses, {"many": ["eve@example.com", "ada@example.com"]})
    assert not mentions(addresses, {"to": "eve@example.com", "n": 1, "none": None})
