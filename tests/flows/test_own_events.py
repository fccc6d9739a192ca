"""`GET P/auth/events`: what happened to my account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from parts.house import (
    CALLER,
    ELSEWHERE,
    EVE,
    HOME,
    House,
    Visitor,
    claims_of,
    expect,
    problem,
)
from parts.schemas import START, Place

from keywright.audit import repository, service
from keywright.audit.models import Outcome
from keywright.audit.table import audit, audit_origins
from keywright.core.db import Statement
from keywright.flows.administer_roles import grant_role
from keywright.flows.administer_users import disable_user, enable_user
from keywright.flows.administrators import Actor

pytestmark = pytest.mark.anyio
PATH = "/auth/events"


async def events(visitor: Visitor, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = expect(await visitor.call("GET", PATH, params=query), 200).json()
    return found


async def test_a_person_reads_what_happened_the_newest_first(
    house: House, visitor: Visitor
) -> None:
    await visitor.join()
    house.clock.advance(minutes=1)
    await visitor.sign_in()
    house.clock.advance(minutes=1)
    expect(await visitor.call("PATCH", "/users/me", json={"name": "Ada"}), 200)
    page = await events(visitor)
    edited, signed_in = page["items"][:2]
    assert page["next_cursor"] is None
    assert (edited["event"], signed_in["event"]) == ("user.updated", "session.signed_in")
    assert edited["details"] == {"fields": ["name"]}
    assert signed_in["details"] == {"amr": "pwd"}
    session_id = claims_of(visitor.access_token)["sid"]
    for one in (edited, signed_in):
        assert (one["by"], one["outcome"], one["ip"]) == ("you", "success", HOME)
        assert (one["session_id"], bool(one["device"])) == (session_id, True)
    assert edited["at"] > signed_in["at"]


async def test_a_failed_sign_in_is_somebody_unknown(house: House, visitor: Visitor) -> None:
    await visitor.join()
    house.clock.advance(minutes=1)
    await (await house.native(ELSEWHERE)).login(password="not the password at all")
    denied = (await events(visitor))["items"][0]
    assert (denied["event"], denied["outcome"]) == ("session.signed_in", "denied")
    assert (denied["by"], denied["ip"]) == ("unknown", ELSEWHERE)
    assert (denied["device"], denied["session_id"]) == ("Python program", None)


async def test_an_administrator_is_one_and_the_command_line_is_the_system(
    house: House, visitor: Visitor
) -> None:
    admin = await house.under_test.create_user(EVE, roles=["admin"])
    await visitor.join()
    me = UUID(claims_of(visitor.access_token)["sub"])
    house.clock.advance(minutes=1)
    await grant_role(house.kw, me, "moderator", Actor(admin.id, CALLER))
    house.clock.advance(minutes=1)
    await grant_role(house.kw, me, "admin", Actor())
    by_system, by_admin = (await events(visitor))["items"][:2]
    assert (by_system["by"], by_system["details"]) == ("system", {"role": "admin"})
    assert (by_admin["by"], by_admin["details"]) == ("administrator", {"role": "moderator"})
    assert (by_admin["ip"], by_admin["device"], by_admin["session_id"]) == (None, None, None)


async def test_events_of_others_are_not_mine(house: House, visitor: Visitor) -> None:
    await (await house.native()).join(EVE)
    await visitor.join()
    admin = await house.under_test.create_user("root@example.com", roles=["admin"])
    other = UUID(claims_of((await (await house.native()).sign_in(EVE)).access_token)["sub"])
    await disable_user(house.kw, other, Actor(admin.id, CALLER))
    await enable_user(house.kw, other, Actor(admin.id, CALLER))
    assert {one["event"] for one in (await events(visitor))["items"]} <= {
        "session.signed_in",
        "user.email_verified",
        "user.created",
    }


async def test_pages_follow_each_other_and_miss_none(house: House, visitor: Visitor) -> None:
    await visitor.join()
    for number in range(6):
        expect(await visitor.call("PATCH", "/users/me", json={"name": f"{number}"}), 200)
    whole = [one["id"] for one in (await events(visitor))["items"]]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await events(visitor, limit=3, total=True, **cursor)
        found += [one["id"] for one in page["items"]]
        assert page["total"] == len(whole)
        assert len(page["items"]) <= 3
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == whole
    assert set(await events(visitor)) == {"items", "next_cursor"}


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 201}, {"cursor": "x"}, {"total": "perhaps"}]
)
async def test_a_page_that_cannot_be_is_refused(house: House, query: dict[str, Any]) -> None:
    visitor = await house.native()
    await visitor.join()
    answer = problem(await visitor.call("GET", PATH, params=query), 422, "invalid_input")
    assert [one["field"] for one in answer["errors"]] == [*query]


async def test_events_need_a_session(house: House, visitor: Visitor) -> None:
    problem(await visitor.get(PATH), 401, "not_authenticated")


BUSY, OTHERS = UUID(int=1), [UUID(int=number) for number in range(2, 22)]


def fill_record(connection: sa.Connection) -> None:
    """One account with far more events than a page has, among others."""
    subjects = [BUSY] * 300 + OTHERS * 800
    events = [
        {
            "id": UUID(int=(number + 1) << 80),
            "at": START,
            "event": "session.signed_in",
            "outcome": Outcome.SUCCESS,
            "subject_id": subject,
        }
        for number, subject in enumerate(subjects)
    ]
    connection.execute(audit.insert(), events)
    origins = [{"audit_id": one["id"], "ip": HOME} for one in events]
    connection.execute(audit_origins.insert(), origins)


def explain(connection: sa.Connection, statement: Statement[Any]) -> str:
    """How the database finds a page."""
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        connection.exec_driver_sql("ANALYZE kw_audit")
        connection.exec_driver_sql("ANALYZE kw_audit_origin")
    page = statement.core.params(subject_id=BUSY, before=service.NEWEST, size=51)
    words = str(page.compile(connection, compile_kwargs={"literal_binds": True}))
    found = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if sqlite else ''}{words}")
    return "\n".join(str(row) for row in found).lower()


async def test_a_page_is_sought_in_its_index_and_nothing_is_sorted(house: House) -> None:
    place = Place(house.url)
    await place.work(fill_record)
    plan = await place.work(explain, repository.LIST_FOR_SUBJECT)
    index = next(one.name for one in audit.indexes if "id" in one.columns)
    assert f"using {'index ' if place.is_sqlite else ''}{index}" in plan
    assert not [word for word in ("sort", "temp b-tree", "seq scan", "hash") if word in plan], plan
    assert place.is_sqlite or "index cond" in plan
    assert not place.is_sqlite or "(subject_id=? and id<?)" in plan
