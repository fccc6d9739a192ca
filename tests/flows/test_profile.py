"""A person looks at their own details and changes them."""

from __future__ import annotations

from typing import Annotated

import pytest
from parts.house import ADA, EVE, PASSWORD, expect, problem
from pydantic import BaseModel, ConfigDict, Field

pytestmark = pytest.mark.anyio


class Profile(BaseModel):
    company: str = ""
    ratio: float = 1.0


async def edit(visitor, **changes):
    return await visitor.call("PATCH", "/users/me", json=changes)


async def test_the_two_names_of_me_answer_the_same(house, visitor):
    await visitor.join()
    assert (await visitor.me()).json() == (await visitor.call("GET", "/users/me")).json()


async def test_a_person_changes_what_they_name_and_nothing_else(house, visitor):
    await visitor.join(name="Ada", locale="en")
    changed = expect(await edit(visitor, username="ada", name="Ada King"), 200).json()
    assert (changed["username"], changed["name"], changed["locale"]) == ("ada", "Ada King", "en")
    assert (await visitor.me()).json() == changed
    removed = expect(await edit(visitor, username=None, name=None), 200).json()
    assert (removed["username"], removed["name"], removed["locale"]) == (None, None, "en")
    assert expect(await edit(visitor), 200).json() == removed


@pytest.mark.parametrize("username", ["ab", "Ada.L_1-x", "Ärgerlich", "алиса", "李雷"])
async def test_a_username_has_letters_and_digits_of_any_script(house, visitor, username):
    await visitor.join()
    assert expect(await edit(visitor, username=username), 200).json()["username"] == username


@pytest.mark.parametrize(
    "username", ["a", "", "a" * 65, "ada@home", "ada lovelace", "ada\u200b", "ada/..", "👩‍💻👩‍💻"]
)
async def test_a_username_that_is_none_is_refused(house, visitor, username):
    await visitor.join()
    answer = expect(await edit(visitor, username=username), 422).json()
    assert answer["errors"][0]["field"] == "username"


@pytest.mark.parametrize("taken", ["Alice", "ALICE", "ａｌｉｃｅ", "alice"])
async def test_a_username_is_taken_in_every_spelling(house, visitor, taken):
    await (await house.native()).join(EVE, username="alice")
    await visitor.join()
    problem(await edit(visitor, username=taken), 409, "username_taken")
    newcomer = await visitor.register("bob@example.com", username=taken)
    problem(newcomer, 409, "username_taken")


async def test_a_person_may_write_their_own_username_differently(house, visitor):
    await visitor.join(username="alice")
    assert expect(await edit(visitor, username="ALICE"), 200).json()["username"] == "ALICE"


async def test_a_username_taken_before_the_link_was_opened_is_left_out(house, visitor):
    await visitor.register(username="alice")
    token = (await house.outbox.last()).token
    await (await house.native()).join(EVE, username="Alice")
    answer = expect(await visitor.verify(token), 200).json()
    assert answer["user"]["username"] is None


async def test_a_person_cannot_change_what_is_not_theirs_to_change(house, visitor):
    await visitor.join()
    for field in ("roles", "email", "email_verified", "status", "id", "password"):
        answer = problem(await edit(visitor, **{field: ["admin"]}), 422, "invalid_input")
        assert answer["errors"][0]["field"] == field


@pytest.mark.settings(profile=Profile)
async def test_the_applications_own_fields_can_be_changed(house, visitor):
    await visitor.join()
    changed = expect(await edit(visitor, profile={"company": "Engines"}), 200).json()
    assert changed["profile"] == {"company": "Engines", "ratio": 1.0}
    assert (await visitor.me()).json() == changed
    answer = problem(await edit(visitor, profile={"ratio": "high"}), 422, "invalid_input")
    assert answer["errors"][0]["field"] == "profile.ratio"


async def test_a_name_may_be_anything_that_can_be_stored(house, visitor):
    await visitor.join()
    for name in ("O'Brien", "名前", "👩‍💻" * 40, "a\u202eb", "<b>x</b>", "", "\\u0000"):
        assert expect(await edit(visitor, name=name), 200).json()["name"] == name
    problem(await edit(visitor, name="n" * 201), 422, "invalid_input")


async def test_me_needs_a_session(house, visitor):
    for path in ("/auth/me", "/users/me"):
        problem(await visitor.get(path), 401, "not_authenticated")
    answer = await visitor.http.patch("/api/v1/users/me", json={"name": "x"})
    problem(answer, 401, "not_authenticated")


class FirstProfile(BaseModel):
    company: str = ""
    ratio: float = 1.0
    fax: str = ""


class LaterProfile(BaseModel):
    """One field was given up since, one is asked of everybody; and nothing else is taken."""

    model_config = ConfigDict(extra="forbid")

    company: str = ""
    plan: Annotated[str, Field(alias="planName", max_length=10)]


@pytest.mark.settings(profile=Profile)
async def test_profile_fields_that_are_not_named_stay(house, visitor):
    await visitor.join(profile={"company": "Engines", "ratio": 2})
    changed = expect(await edit(visitor, profile={"ratio": 3}), 200).json()
    assert changed["profile"] == {"company": "Engines", "ratio": 3.0}
    assert expect(await edit(visitor, name="Ada"), 200).json()["profile"] == changed["profile"]
    emptied = expect(await edit(visitor, profile=None), 200).json()
    assert emptied["profile"] == {"company": "", "ratio": 1.0}


@pytest.mark.settings(profile=LaterProfile)
async def test_a_profile_is_asked_for_at_the_sign_up_by_its_fields(house, visitor):
    answer = problem(await visitor.register(), 422, "invalid_input")
    assert [(one["field"], one["code"]) for one in answer["errors"]] == [
        ("profile.planName", "missing")
    ]
    answer = problem(
        await visitor.register(profile={"planName": "x" * 11, "fax": "1"}), 422, "invalid_input"
    )
    assert {one["field"]: one["code"] for one in answer["errors"]} == {
        "profile.planName": "string_too_long",
        "profile.fax": "extra_forbidden",
    }
    await visitor.join(profile={"planName": "pro"})
    whole = {"company": "", "planName": "pro"}
    assert (await visitor.me()).json()["profile"] == whole
    changed = expect(await edit(visitor, profile={"planName": "free"}), 200).json()
    assert changed["profile"] == (await visitor.me()).json()["profile"]
    assert changed["profile"] == {**whole, "planName": "free"}
    answer = await (await house.native()).sign_in()
    assert (await answer.me()).json()["profile"] == changed["profile"]


@pytest.mark.settings(profile=LaterProfile)
async def test_a_profile_from_before_a_field_was_asked_for_locks_nobody_out(house, visitor):
    stored = FirstProfile(company="Engines", fax="1").model_dump(mode="json")
    await house.under_test.create_user(ADA, password=PASSWORD, profile=stored)
    await visitor.sign_in()
    assert (await visitor.me()).json()["profile"] is None
    assert expect(await edit(visitor, name="Ada"), 200).json()["profile"] is None
    expect(await visitor.refresh(), 200)
    answer = problem(await edit(visitor, profile={"company": "Looms"}), 422, "invalid_input")
    assert answer["errors"][0]["field"] == "profile.planName"
    changed = expect(await edit(visitor, profile={"planName": "pro"}), 200).json()
    assert changed["profile"] == {"company": "Engines", "planName": "pro"}


@pytest.mark.settings(profile=Profile)
async def test_an_administrator_changes_single_profile_fields_too(house):
    admin = await house.native()
    await house.under_test.sign_in(admin.http, email=EVE, roles=["admin"])
    profile = {"company": "Engines", "ratio": 2.0}
    user = await house.under_test.create_user(ADA, profile=profile)
    body = {"profile": {"ratio": 4}}
    answer = expect(await admin.http.patch(f"/api/v1/users/{user.id}", json=body), 200).json()
    assert answer["profile"] == {**profile, "ratio": 4.0}


async def test_without_a_model_there_are_no_profile_fields(house, visitor):
    await visitor.join()
    problem(await edit(visitor, profile={"company": "Engines"}), 422, "invalid_input")
    assert expect(await edit(visitor, profile=None), 200).json()["profile"] is None
