"""The administrators' part of `P/users`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from parts.house import ADA, EVE, PASSWORD, House, Visitor, expect, problem

from keywright.flows.administer_users import NewUser, create_user, disable_user
from keywright.flows.administrators import Actor

pytestmark = pytest.mark.anyio
UMLAUT = "x@müller.example"


@pytest.fixture
async def admin(house: House) -> Visitor:
    await make(house, ADA, password=PASSWORD, name="Ada Lovelace", roles=("admin",))
    return await (await house.native()).sign_in(ADA)


async def make(house: House, email: str, **fields: Any) -> str:
    return str((await create_user(house.kw, NewUser(email, **fields), Actor())).id)


async def listed(admin: Visitor, **query: Any) -> list[str]:
    answer = expect(await admin.call("GET", "/users", params=query), 200).json()
    return [user["email"] for user in answer["items"]]


# Listing


async def test_pages_follow_each_other_and_miss_nobody(house, admin):
    made = [ADA]
    for number in range(7):
        house.clock.advance(seconds=1)
        await make(house, f"{number}@example.com")
        made.insert(0, f"{number}@example.com")
    found, query = [], {"limit": 3}
    while True:
        page = expect(await admin.call("GET", "/users", params=query), 200).json()
        assert set(page) == {"items", "next_cursor"}
        found += [user["email"] for user in page["items"]]
        if page["next_cursor"] is None:
            break
        query = {"limit": 3, "cursor": page["next_cursor"]}
    assert found == made


async def test_a_listed_account_shows_what_its_administrator_needs(admin):
    (user,) = (await admin.call("GET", "/users")).json()["items"]
    assert (user["email"], user["roles"], user["status"]) == (ADA, ["admin"], "active")
    assert not [name for name in user if "password" in name or "digest" in name]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("eve", [EVE]),
        ("EVE@Example", [EVE]),
        ("ada love", [ADA]),
        ("MÜLLER", [UMLAUT]),
        ("x@MÜLLER.example", [UMLAUT]),
        ("e_e", []),
        ("%", ["percent@example.com"]),
        ("100%", ["percent@example.com"]),
        ("\\", []),
        ("' OR 1=1 --", []),
        ("  ", [ADA, EVE, "percent@example.com", UMLAUT]),
    ],
)
async def test_search_finds_part_of_an_address_or_a_name_in_any_case(house, admin, search, found):
    await make(house, EVE, username="evening")
    await make(house, UMLAUT, username="Müller")
    await make(house, "percent@example.com", name="100% real")
    assert sorted(await listed(admin, search=search)) == sorted(found)


async def test_filters_narrow_each_other(house, admin):
    eve = await make(house, EVE, roles=("moderator",))
    await make(house, "mod@example.com", roles=("moderator",))
    await disable_user(house.kw, UUID(eve), Actor())
    assert await listed(admin, role="moderator", status="active") == ["mod@example.com"]
    assert await listed(admin, role="moderator", status="disabled") == [EVE]
    assert await listed(admin, role="moderator", search="mod") == ["mod@example.com"]
    assert await listed(admin, role="king") == []
    assert sorted(await listed(admin, status="active")) == [ADA, "mod@example.com"]


async def test_everybody_holds_the_role_user(house, admin):
    eve = await make(house, EVE, roles=("user", "moderator"))
    asked = {"role": "user", "total": "true"}
    found = expect(await admin.call("GET", "/users", params=asked), 200).json()
    assert {one["email"]: one["roles"] for one in found["items"]} == {
        ADA: ["admin"],
        EVE: ["moderator"],
    }
    assert found["total"] == 2
    assert await listed(admin, role="user", search="eve") == [EVE]
    given = await admin.call("PUT", f"/users/{eve}/roles", json={"roles": ["user"]})
    assert expect(given, 200).json()["roles"] == []


@pytest.mark.settings(permissions={"user": ["items:read"]})
async def test_a_narrowed_token_gives_what_everybody_holds(house, admin):
    eve = await make(house, EVE)
    expect(await admin.login(ADA, PASSWORD, scope="users:write"), 200)
    given = await admin.call("PUT", f"/users/{eve}/roles", json={"roles": ["user"]})
    assert expect(given, 200).json()["roles"] == []


async def test_the_total_is_told_where_it_was_asked_for(house, admin):
    await make(house, EVE)
    asked = {"total": "true", "limit": 1}
    assert (await admin.call("GET", "/users", params=asked)).json()["total"] == 2
    narrowed = await admin.call("GET", "/users", params={**asked, "search": "eve"})
    assert narrowed.json()["total"] == 1


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 201}, {"cursor": "x"}, {"status": "deleted"}, {"search": "x" * 101}],
)
async def test_a_question_that_makes_no_sense_is_refused(admin, query):
    problem(await admin.call("GET", "/users", params=query), 422, "invalid_input")


# Making, reading, editing


async def test_a_made_account_is_verified_and_signs_in(house, admin):
    body = {
        "email": "Eve@Example.com",
        "password": PASSWORD,
        "username": "eve",
        "name": "Eve",
        "locale": "de-AT",
        "roles": ["moderator", "moderator"],
    }
    made = expect(await admin.call("POST", "/users", json=body), 201).json()
    assert (
        made.items()
        >= {
            "email": "Eve@example.com",
            "email_verified": True,
            "username": "eve",
            "locale": "de-AT",
            "roles": ["moderator"],
            "status": "active",
        }.items()
    )
    read = expect(await admin.call("GET", f"/users/{made['id']}"), 200).json()
    assert read == made
    await (await house.native()).sign_in(EVE)


async def test_an_owner_without_a_password_is_mailed_a_link(house, admin):
    expect(await admin.call("POST", "/users", json={"email": EVE}), 201)
    expect(await admin.reset((await house.outbox.last(EVE)).token), 200)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": ADA}, 409, "email_taken"),
        ({"email": "not an address"}, 422, "invalid_email"),
        ({"email": EVE, "password": "password"}, 422, "weak_password"),
        ({"email": EVE, "username": "a@b"}, 422, "invalid_username"),
        ({"email": EVE, "roles": ["king"]}, 422, "unknown_role"),
        ({"email": EVE, "profile": {"x": 1}}, 422, "invalid_input"),
        ({"email": EVE, "status": "active"}, 422, "invalid_input"),
    ],
)
async def test_what_cannot_be_made_says_why(admin, body, status, code):
    problem(await admin.call("POST", "/users", json=body), status, code)


async def test_editing_changes_what_was_sent_and_nothing_else(house, admin):
    eve = await make(house, EVE, name="Eve", username="eve")
    path = f"/users/{eve}"
    edited = expect(await admin.call("PATCH", path, json={"name": "Eva"}), 200).json()
    assert (edited["name"], edited["username"]) == ("Eva", "eve")
    edited = expect(await admin.call("PATCH", path, json={"name": None}), 200).json()
    assert (edited["name"], edited["username"]) == (None, "eve")
    await make(house, "taken@example.com", username="taken")
    problem(await admin.call("PATCH", path, json={"username": "Taken"}), 409, "username_taken")
    problem(await admin.call("PATCH", path, json={"email": "x@example.com"}), 422, "invalid_input")


async def test_a_disabled_account_can_be_edited(house, admin):
    path = f"/users/{await make(house, EVE)}"
    expect(await admin.call("POST", f"{path}/disable"), 200)
    edited = expect(await admin.call("PATCH", path, json={"name": "Eva"}), 200).json()
    assert (edited["name"], edited["status"]) == ("Eva", "disabled")


async def test_disabling_and_enabling_twice_says_the_same(house, admin):
    path = f"/users/{await make(house, EVE)}"
    for action, status in [("disable", "disabled"), ("enable", "active")] * 2:
        for _ in range(2):
            answer = expect(await admin.call("POST", f"{path}/{action}"), 200)
            assert answer.json()["status"] == status


async def test_setting_roles_replaces_them(house, admin):
    path = f"/users/{await make(house, EVE, roles=('moderator',))}"
    for roles in (["admin"], ["admin", "moderator"], []):
        answer = expect(await admin.call("PUT", f"{path}/roles", json={"roles": roles}), 200)
        assert answer.json()["roles"] == roles
    problem(await admin.call("PUT", f"{path}/roles", json={"roles": ["king"]}), 422, "unknown_role")


async def test_an_account_that_is_not_there_is_not_found(admin):
    path = "/users/00000000-0000-7000-8000-000000000000"
    for method, action, body in [
        ("GET", "", None),
        ("PATCH", "", {"name": "X"}),
        ("DELETE", "", None),
        ("PUT", "/roles", {"roles": []}),
        ("POST", "/disable", None),
        ("POST", "/enable", None),
        ("POST", "/sign-out", None),
    ]:
        problem(await admin.call(method, path + action, json=body), 404, "user_not_found")
