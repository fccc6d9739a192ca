"""Which mails a person gets: they choose, the application declares and asks."""

from __future__ import annotations

from typing import Any

import pytest
from parts.house import ADA, EVE, House, Visitor, expect, problem

from keywright import ConfigurationError, Keywright, Notification, User
from keywright.accounts.users import service as users
from keywright.core.ids import new_id
from keywright.core.notifications import Notifications
from keywright.core.settings import Settings
from keywright.flows.administer_users import disable_user
from keywright.flows.administrators import Actor

pytestmark = pytest.mark.anyio
TRACKER = {"price_alert": "Price alerts", "news": Notification("News", default=False)}
declares = pytest.mark.settings(notifications=TRACKER)


async def choose(visitor: Visitor, choices: dict[str, Any] | None) -> Any:
    return await visitor.call("PATCH", "/users/me", json={"notifications": choices})


async def chosen(visitor: Visitor) -> dict[str, bool]:
    answer = expect(await visitor.call("GET", "/users/me"), 200).json()
    found: dict[str, bool] = answer["notifications"]
    assert expect(await visitor.me(), 200).json()["notifications"] == found
    return found


@declares
async def test_every_kind_has_its_default_until_somebody_chooses(visitor: Visitor) -> None:
    await visitor.join()
    assert await chosen(visitor) == {"new_sign_in": True, "price_alert": True, "news": False}


@declares
async def test_a_person_chooses_what_they_name_and_nothing_else(visitor: Visitor) -> None:
    await visitor.join(name="Ada")
    changed = expect(await choose(visitor, {"price_alert": False}), 200).json()
    assert changed["name"] == "Ada"
    assert changed["notifications"] == {"new_sign_in": True, "price_alert": False, "news": False}
    expect(await choose(visitor, {"news": True}), 200)
    assert await chosen(visitor) == {"new_sign_in": True, "price_alert": False, "news": True}
    expect(await choose(visitor, {}), 200)
    assert await chosen(visitor) == {"new_sign_in": True, "price_alert": False, "news": True}
    expect(await choose(visitor, None), 200)
    assert await chosen(visitor) == {"new_sign_in": True, "price_alert": True, "news": False}


@declares
@pytest.mark.parametrize("name", ["prise_alert", "password_changed", "email_changed", ""])
async def test_a_name_that_is_none_is_refused_by_its_field(visitor: Visitor, name: str) -> None:
    await visitor.join()
    answer = problem(await choose(visitor, {name: False}), 422, "unknown_notification")
    assert [one["field"] for one in answer["errors"]] == [f"notifications.{name}"]
    assert "new_sign_in, price_alert, news" in answer["detail"]
    assert await chosen(visitor) == {"new_sign_in": True, "price_alert": True, "news": False}


@declares
@pytest.mark.parametrize("value", ["no", 0, None, {}, "false"])
async def test_a_choice_is_true_or_false(visitor: Visitor, value: object) -> None:
    await visitor.join()
    answer = problem(await choose(visitor, {"price_alert": value}), 422, "invalid_input")
    assert answer["errors"][0]["field"].startswith("notifications")


@declares
async def test_an_answer_to_a_sign_in_carries_them_too(house: House, visitor: Visitor) -> None:
    await visitor.join()
    expect(await choose(visitor, {"news": True}), 200)
    answer = expect(await (await house.native()).login(), 200).json()
    assert answer["user"]["notifications"]["news"] is True


@declares
async def test_an_application_asks_whether_to_send_a_mail(house: House) -> None:
    kw = house.under_test.keywright
    visitor = await house.native()
    await visitor.join()
    me = expect(await visitor.me(), 200).json()["id"]
    user_id = type(new_id(house.clock.now()))(me)
    assert await kw.wants_mail(user_id, "price_alert")
    assert not await kw.wants_mail(user_id, "news")
    expect(await choose(visitor, {"price_alert": False, "news": True}), 200)
    assert not await kw.wants_mail(user_id, "price_alert")
    assert await kw.wants_mail(user_id, "news")
    with pytest.raises(ConfigurationError, match="prise_alert"):
        await kw.wants_mail(user_id, "prise_alert")
    await disable_user(house.kw, user_id, Actor())
    assert not await kw.wants_mail(user_id, "news")
    assert not await kw.wants_mail(new_id(house.clock.now()), "news")


@declares
async def test_nobody_is_mailed_at_an_address_that_is_not_proven(house: House) -> None:
    user = await house.under_test.create_user(EVE, verified=False)
    assert not await house.under_test.keywright.wants_mail(user.id, "price_alert")


@declares
async def test_a_kind_that_the_application_gave_up_is_not_shown_any_more(house: House) -> None:
    user = await house.under_test.create_user(ADA)
    async with house.kw.db.transaction() as tx:
        record = await users.get(tx, user.id)
        stored = {"faxes": True, "news": True}
        await users.change_details(tx, record, {"notifications": stored}, house.clock.now())
    record = await users.get(house.kw.db, user.id)
    assert house.kw.notifications.chosen(record.notifications) == {
        "new_sign_in": True,
        "price_alert": True,
        "news": True,
    }


async def test_administrators_do_not_choose_for_others(house: House) -> None:
    client = await house.native()
    await house.under_test.sign_in(client.http, email=EVE, roles=["admin"])
    user = await house.under_test.create_user(ADA)
    body = {"notifications": {"new_sign_in": False}}
    answer = await client.http.patch(f"/api/v1/users/{user.id}", json=body)
    assert problem(answer, 422, "invalid_input")["errors"][0]["field"] == "notifications"


def test_a_user_of_a_route_still_goes_into_a_set() -> None:
    found = {User.__dataclass_fields__[name].hash for name in ("notifications",)}
    assert found == {False}


@pytest.mark.parametrize("name", ["Price", "price alert", "", "1st", "new_sign_in", "x" * 65])
def test_a_name_that_clients_cannot_use_is_refused_at_once(name: str, tmp_path: Any) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    with pytest.raises(ConfigurationError, match="notifications"):
        Keywright(settings, notifications={name: "Something"})


def test_there_are_not_more_kinds_than_an_answer_can_carry() -> None:
    with pytest.raises(ConfigurationError, match="100"):
        Notifications({f"kind_{number}": "A kind" for number in range(101)})
