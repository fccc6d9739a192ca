"""What a person keeps about themselves, changed and read at the same moment."""

from __future__ import annotations

import asyncio

import pytest
from parts.house import ADA, ELSEWHERE, House, expect

from keywright.accounts.users import service as users
from keywright.core.web.caller import Caller
from keywright.flows.open_session import BY_PASSWORD, open_session_for_api
from keywright.sessions.devices import service as devices

pytestmark = pytest.mark.anyio
KINDS = {f"kind_{number}": "A kind" for number in range(8)}


async def test_a_new_device_that_signs_in_many_times_at_once_is_told_once(
    houses: list[House],
) -> None:
    await (await houses[0].native()).join()
    user = await users.find_by_email(houses[0].kw.db, ADA)
    assert user is not None
    kws = [houses[number % len(houses)].kw for number in range(8)]
    caller = Caller(ELSEWHERE, ELSEWHERE, "curl/8", "req_test")
    await asyncio.gather(
        *(open_session_for_api(kw, user, caller, amr=BY_PASSWORD, scope=None) for kw in kws)
    )
    (here,) = [
        one
        for one in await devices.list_for_user(houses[0].kw.db, user.id)
        if one.network == ELSEWHERE
    ]
    assert here.sign_ins == 8
    told = [mail for house in houses for mail in await house.outbox.mails(ADA)]
    assert [mail.subject.startswith("New sign-in") for mail in told].count(True) == 1


@pytest.mark.settings(notifications=KINDS)
async def test_choices_that_are_made_at_once_are_all_kept(house: House) -> None:
    visitor = await house.native()
    await visitor.join()
    bodies = [{"notifications": {name: False}} for name in KINDS]
    for answer in await asyncio.gather(
        *(visitor.call("PATCH", "/users/me", json=body) for body in bodies)
    ):
        expect(answer, 200)
    chosen = (await visitor.me()).json()["notifications"]
    assert chosen == {"new_sign_in": True, **dict.fromkeys(KINDS, False)}


async def test_many_exports_at_once_are_each_whole(house: House) -> None:
    visitor = await house.native()
    await visitor.join()
    answers = await asyncio.gather(*(visitor.call("GET", "/auth/export") for _ in range(8)))
    for answer in answers:
        assert expect(answer, 200).json()["account"]["email"] == ADA
    told = [mail.subject for mail in await house.outbox.mails(ADA)]
    assert told.count("Your data was exported") == 8
