"""Rules of security.md, "Deletion": what an administrator's deletion leaves of a person."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import pytest
from parts.house import ADA, CALLER, EVE, PASSWORD, House, Visitor, expect, problem

from keywright.accounts.users import service as users
from keywright.audit.table import audit, audit_origins
from keywright.flows.administer_users import NewUser, create_user, delete_user
from keywright.flows.administrators import Actor
from keywright.tables import metadata

pytestmark = pytest.mark.anyio
HER_ADDRESS, HER_BROWSER = "203.0.113.66", "HerOwnBrowser/1.0"
EVE_AS_TYPED, EVE_AS_STORED = " eVe@Example.COM", "Eve@example.com"


@pytest.fixture
async def eve(house: House) -> Visitor:
    return await house.browser(HER_ADDRESS, **{"User-Agent": HER_BROWSER})


@pytest.fixture
async def admin(house: House) -> Visitor:
    await create_user(house.kw, NewUser(ADA, PASSWORD, roles=("admin",)), Actor())
    return await (await house.native()).sign_in(ADA)


async def content(house: House) -> dict[str, str]:
    """Every row of every table, as text."""
    queries = {name: f'SELECT * FROM "{name}"' for name in metadata.tables}
    if house.db.dialect == "sqlite":
        async with house.db.watched.exclusive() as raw:  # type: ignore[attr-defined]  # SqliteDatabase
            return {name: str(raw.execute(query).fetchall()) for name, query in queries.items()}
    connection = await asyncpg.connect(house.url)
    rows = {name: str(await connection.fetch(query)) for name, query in queries.items()}
    await connection.close()
    return rows


async def tables_with(house: House, text: str) -> list[str]:
    return [name for name, rows in (await content(house)).items() if text in rows.lower()]


async def id_of(house: House, email: str) -> UUID:
    found = await users.find_by_email(house.kw.db, email)
    assert found is not None
    return found.id


async def test_what_a_person_did_before_their_account_was_made_is_forgotten_with_it(
    house, admin, eve
):
    problem(await eve.login(EVE_AS_TYPED), 401, "invalid_credentials")
    await eve.join(EVE_AS_STORED, name="Countess")
    problem(await eve.login(EVE, "not the right one"), 401, "invalid_credentials")
    expect(await eve.register(EVE_AS_STORED), 202)
    problem(await eve.login("another@example.com"), 401, "invalid_credentials")
    events = await house.count(audit)
    await house.outbox.mails()
    assert "kw_audit_origin" in await tables_with(house, HER_ADDRESS)
    expect(await admin.call("DELETE", f"/users/{await id_of(house, EVE)}"), 204)
    await house.outbox.mails()
    assert await tables_with(house, "eve@example") == []
    assert await tables_with(house, "countess") == []
    assert await house.count(audit) == events + 1
    origins = (await content(house))["kw_audit_origin"]
    assert origins.count(HER_ADDRESS) == 1  # the attempt at somebody else's address


async def test_an_administrator_who_erases_their_own_account_leaves_no_address(house, admin, eve):
    await create_user(house.kw, NewUser(EVE, PASSWORD, roles=("admin",)), Actor())
    await eve.sign_in(EVE)
    expect(await eve.call("DELETE", f"/users/{await id_of(house, EVE)}"), 204)
    await house.outbox.mails()
    for trace in ("eve@example", HER_ADDRESS, HER_BROWSER.lower()):
        assert await tables_with(house, trace) == []


async def test_where_other_people_acted_from_stays(house, admin, eve):
    await eve.join(EVE)
    origins = await house.count(audit_origins)
    other = await create_user(house.kw, NewUser("other@example.com"), Actor())
    await delete_user(house.kw, other.id, Actor(caller=CALLER))
    assert await house.count(audit_origins) == origins + 1
