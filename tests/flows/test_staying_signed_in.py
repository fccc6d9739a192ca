"""A session goes on, is seen from its own devices, and ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from parts.house import (
    ELSEWHERE,
    EVE,
    OTHER_PASSWORD,
    House,
    Visitor,
    claims_of,
    expect,
    problem,
)

from keywright.accounts.passwords.table import password_attempts
from keywright.accounts.passwords.throttle import LIMIT
from keywright.core.db import Transaction
from keywright.core.events import SignedIn
from keywright.flows.administrators import Actor
from keywright.flows.rotate_keys import replace_leaked_keys, rotate_signing_key
from keywright.sessions.table import sessions

pytestmark = pytest.mark.anyio
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Safari/604"


async def items(visitor: Visitor) -> list[dict]:
    return expect(await visitor.call("GET", "/auth/sessions"), 200).json()["items"]


async def test_each_refresh_answers_a_new_refresh_token(house, visitor):
    await visitor.join()
    seen = {visitor.presented}
    for _ in range(3):
        expect(await visitor.refresh(), 200)
        seen.add(visitor.presented)
    assert len(seen) == 4


async def test_an_access_token_expires_and_a_refresh_helps(house, visitor):
    await visitor.join()
    house.clock.advance(seconds=899)
    expect(await visitor.me(), 200)
    house.clock.advance(seconds=1)
    problem(await visitor.me(), 401, "token_expired")
    expect(await visitor.refresh(), 200)
    expect(await visitor.me(), 200)


@pytest.mark.settings(access_token_ttl=60)
async def test_its_life_is_a_setting(house, visitor):
    await visitor.join()
    claims = claims_of(visitor.access_token)
    assert claims["exp"] - claims["iat"] == 60
    house.clock.advance(seconds=60)
    problem(await visitor.me(), 401, "token_expired")


async def test_a_session_lives_for_as_long_as_it_is_used(house, visitor):
    await visitor.join()
    for _ in range(5):
        house.clock.advance(days=29)
        expect(await visitor.refresh(), 200)


async def test_without_a_refresh_token_there_is_nothing_to_refresh(house):
    browser, native = await house.browser(), await house.native()
    problem(await browser.refresh(), 401, "not_authenticated")
    problem(await native.post("/auth/refresh", json={}), 401, "not_authenticated")


async def test_signing_out_needs_nothing_and_always_succeeds(house, visitor):
    expect(await visitor.post("/auth/logout"), 204)
    await visitor.join()
    expect(await visitor.logout(), 204)
    expect(await visitor.logout(), 204)
    expect(await visitor.call("POST", "/auth/logout"), 204)


async def test_an_access_token_alone_can_sign_out(house, visitor):
    await visitor.join()
    expect(await visitor.call("POST", "/auth/logout"), 204)
    problem(await visitor.me(), 401, "session_ended")
    assert await house.count(sessions) == 0


async def test_an_expired_access_token_keeps_nobody_from_signing_out(house):
    browser = await house.browser()
    await browser.join()
    house.clock.advance(hours=1)
    expect(await browser.call("POST", "/auth/logout"), 204)
    assert await house.count(sessions) == 0
    assert browser.refresh_cookie is None


async def test_a_person_sees_where_they_are_signed_in(house):
    desk = await house.browser()
    await desk.join()
    house.clock.advance(minutes=5)
    phone = await house.browser(ELSEWHERE, **{"User-Agent": SAFARI})
    await phone.sign_in()
    first, second = await items(desk)
    assert (first["name"], first["ip"], first["current"]) == ("Safari on iPhone", ELSEWHERE, False)
    assert (second["name"], second["current"]) == ("Firefox on Windows", True)
    assert first["created_at"] > second["created_at"]


async def test_the_list_begins_with_the_device_used_last(house):
    desk, phone = await house.browser(), await house.native()
    await desk.join()
    house.clock.advance(minutes=5)
    await phone.sign_in()
    assert [one["current"] for one in await items(desk)] == [False, True]
    house.clock.advance(minutes=5)
    await desk.refresh()
    assert [one["current"] for one in await items(desk)] == [True, False]


async def test_a_person_signs_one_device_out(house):
    desk, phone = await house.browser(), await house.native()
    await desk.join()
    await phone.sign_in()
    other = next(one for one in await items(desk) if not one["current"])
    expect(await desk.call("DELETE", f"/auth/sessions/{other['id']}"), 204)
    problem(await phone.me(), 401, "session_ended")
    problem(await phone.refresh(), 401, "session_ended")
    expect(await desk.me(), 200)
    problem(await desk.call("DELETE", f"/auth/sessions/{other['id']}"), 404, "session_not_found")


async def test_a_person_signs_every_other_device_out(house):
    desk = await house.browser()
    await desk.join()
    others = [await (await house.native()).sign_in() for _ in range(3)]
    assert expect(await desk.call("DELETE", "/auth/sessions"), 200).json() == {"ended": 3}
    for other in others:
        problem(await other.me(), 401, "session_ended")
        problem(await other.refresh(), 401, "session_ended")
    expect(await desk.me(), 200)
    expect(await desk.refresh(), 200)


async def test_a_device_may_sign_itself_out_from_the_list(house, visitor):
    await visitor.join()
    (own,) = await items(visitor)
    expect(await visitor.call("DELETE", f"/auth/sessions/{own['id']}"), 204)
    problem(await visitor.me(), 401, "session_ended")


async def test_a_session_that_is_none_is_not_found(house, visitor):
    await visitor.join()
    unknown = "01a1fdeb-a62e-7eca-8b66-f6240f7255d7"
    problem(await visitor.call("DELETE", f"/auth/sessions/{unknown}"), 404, "session_not_found")
    problem(await visitor.call("DELETE", "/auth/sessions/mine"), 422, "invalid_input")


@pytest.mark.settings(max_sessions=3)
async def test_the_device_used_longest_ago_goes_when_there_are_too_many(house):
    first, second, third = devices = [await house.native() for _ in range(3)]
    await first.join()
    for device in (second, third):
        house.clock.advance(minutes=1)
        await device.sign_in()
    house.clock.advance(minutes=1)
    await first.refresh()
    newcomer = await (await house.native()).sign_in()
    problem(await second.me(), 401, "session_ended")
    problem(await second.refresh(), 401, "session_ended")
    for device in (first, third, newcomer):
        expect(await device.me(), 200)
    assert len(await items(newcomer)) == 3
    assert len(devices) == 3


@pytest.mark.settings(max_sessions=2)
async def test_sessions_that_ran_out_take_no_place(house):
    first = await house.native()
    await first.join()
    house.clock.advance(days=29)
    await first.refresh()
    second = await (await house.native()).sign_in()
    house.clock.advance(days=2)
    third = await (await house.native()).sign_in()
    assert len(await items(third)) == 2
    expect(await second.refresh(), 200)


async def test_proving_oneself_again_makes_the_session_fresh(house, visitor):
    await visitor.join()
    signed_in_at = claims_of(visitor.access_token)["auth_time"]
    house.clock.advance(minutes=11)
    expect(await visitor.refresh(), 200)
    assert claims_of(visitor.access_token)["auth_time"] == signed_in_at
    answer = expect(await visitor.reauthenticate(), 200).json()
    assert "refresh_token" not in answer
    renewed = signed_in_at + timedelta(minutes=11).seconds
    assert claims_of(visitor.access_token)["auth_time"] == renewed
    expect(await visitor.refresh(), 200)
    assert claims_of(visitor.access_token)["auth_time"] == renewed


async def test_proving_oneself_again_needs_the_right_password(house, visitor):
    await visitor.join()
    problem(await visitor.reauthenticate(OTHER_PASSWORD), 401, "invalid_credentials")
    expect(await visitor.me(), 200)


async def test_a_new_signing_key_disturbs_no_session(house, visitor):
    await visitor.join()
    keys = house.under_test.keywright.parts.keys
    old_token, old_kid = visitor.access_token, await published(visitor)
    await rotate_signing_key(house.kw, Actor())
    await keys.refresh()
    assert len(await published(visitor)) == 2
    expect(await visitor.me(), 200)
    house.clock.advance(minutes=11)
    expect(await visitor.refresh(), 200)
    expect(await visitor.me(), 200)
    visitor.access_token = old_token
    expect(await visitor.me(), 200)
    house.clock.advance(days=1)
    await keys.refresh()
    assert not (await published(visitor)) & old_kid
    expect(await visitor.refresh(), 200)
    expect(await visitor.me(), 200)


async def test_a_leaked_signing_key_costs_a_refresh_and_no_sign_in(house, visitor):
    await visitor.join()
    await replace_leaked_keys(house.kw, Actor())
    await house.under_test.keywright.parts.keys.refresh()
    problem(await visitor.me(), 401, "invalid_token")
    expect(await visitor.refresh(), 200)
    expect(await visitor.me(), 200)


@pytest.mark.settings(permissions={"user": ["images:read", "images:write"]})
async def test_a_sign_in_may_ask_for_less_than_the_account_may_do(house, visitor):
    await visitor.join()
    answer = expect(await visitor.login(scope="images:read images:burn"), 200).json()
    assert answer["scope"] == "images:read"
    assert claims_of(visitor.access_token)["scope"] == "images:read"
    expect(await visitor.refresh(), 200)
    assert claims_of(visitor.access_token)["scope"] == "images:read"
    expect(await visitor.reauthenticate(), 200)
    assert claims_of(visitor.access_token)["scope"] == "images:read"


async def test_a_right_password_is_no_failure_where_no_session_comes_of_it(house, visitor):
    await visitor.join()
    for _ in range(LIMIT.amount + 1):
        problem(await visitor.login(scope="images:burn"), 400, "invalid_scope")
        house.clock.advance(seconds=60)
    assert await house.count(password_attempts) == 0
    expect(await visitor.login(), 200)


async def test_a_sign_in_forgets_the_failures_before_it_in_the_commit_of_its_session(
    house, visitor
):
    await visitor.join()
    problem(await visitor.login(password=OTHER_PASSWORD), 401, "invalid_credentials")
    committed: list[int] = []

    @house.kw.hooks.on(SignedIn)
    async def count_what_is_committed(_event: SignedIn, _tx: Transaction) -> None:
        committed.append(await house.count(password_attempts))

    expect(await visitor.login(), 200)
    assert committed == [1]
    assert await house.count(password_attempts) == 0


async def test_two_people_see_their_own_sessions_alone(house, visitor):
    await visitor.join()
    eve = await house.native()
    await eve.join(EVE)
    (own,) = await items(visitor)
    problem(await eve.call("DELETE", f"/auth/sessions/{own['id']}"), 404, "session_not_found")
    assert len(await items(eve)) == 1
    expect(await visitor.me(), 200)


async def test_sessions_that_ran_out_are_swept(house: House, visitor: Visitor):
    await visitor.join()
    house.clock.advance(days=30)
    works = house.under_test.keywright.parts.runner._periodic
    await next(work.run for work in works if work.name == "sweep")()
    assert await house.count(sessions) == 0


async def published(visitor: Visitor) -> set[str]:
    answer = await visitor.http.get("/.well-known/jwks.json")
    return {key["kid"] for key in answer.json()["keys"]}
