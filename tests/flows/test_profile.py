"""A person looks at their own details and changes them."""

from __future__ import annotations

import pytest
from parts.house import EVE, expect, problem
from pydantic import BaseModel

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
