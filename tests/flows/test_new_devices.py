"""The owner hears of a sign-in from a device that is new to the account."""

from __future__ import annotations

import pytest
from parts.house import (
    ADA,
    ELSEWHERE,
    FIREFOX,
    HOME,
    OTHER_PASSWORD,
    Browser,
    House,
    Native,
    expect,
)

from keywright.accounts.users import service as users
from keywright.sessions.devices import service as devices
from keywright.sessions.devices.models import KnownDevice

pytestmark = pytest.mark.anyio
SUBJECT = "New sign-in to your Keywright account"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1"


@pytest.fixture
async def desk(house: House) -> Browser:
    desk = await house.browser()
    await desk.join()
    return desk


async def notices(house: House) -> list[str]:
    return [mail.text for mail in await house.outbox.mails(ADA) if mail.subject == SUBJECT]


async def known(house: House) -> list[KnownDevice]:
    user = await users.find_by_email(house.kw.db, ADA)
    assert user is not None
    return await devices.list_for_user(house.kw.db, user.id)


async def test_the_first_sign_in_is_told_to_nobody(house: House, desk: Browser) -> None:
    assert await notices(house) == []
    (first,) = await known(house)
    assert (first.name, first.network, first.sign_ins) == ("Firefox on Windows", HOME, 1)


async def test_a_device_that_is_new_is_told_with_what_and_from_where(
    house: House, desk: Browser
) -> None:
    phone = await house.browser(ELSEWHERE, **{"User-Agent": SAFARI})
    await phone.sign_in()
    (notice,) = await notices(house)
    for words in ("Safari on iPhone", ELSEWHERE, "forgot-password", "If it wasn't you"):
        assert words in notice
    await phone.sign_in()
    assert len(await notices(house)) == 1


async def test_a_device_that_is_known_is_not_told(house: House, desk: Browser) -> None:
    await desk.sign_in()
    await (await house.browser()).sign_in()  # without its cookies, the same kind at the same place
    assert await notices(house) == []
    (only,) = await known(house)
    assert only.sign_ins == 3


async def test_a_browser_is_recognized_wherever_it_is_taken(house: House, desk: Browser) -> None:
    """By its device cookie; its next version is the same browser."""
    traveling = await house.browser(ELSEWHERE, **{"User-Agent": FIREFOX.replace("140", "141")})
    traveling.http.cookies = desk.http.cookies
    await traveling.sign_in()
    assert await notices(house) == []
    assert len(await known(house)) == 2


async def test_a_program_that_has_no_cookies_is_known_by_its_network(
    house: House, desk: Browser
) -> None:
    for _ in range(2):
        await (await house.native()).sign_in()
    assert len(await notices(house)) == 1
    await (await house.native(ELSEWHERE)).sign_in()
    assert len(await notices(house)) == 2


async def test_who_does_not_want_these_mails_gets_none(house: House, desk: Browser) -> None:
    body = {"notifications": {"new_sign_in": False}}
    expect(await desk.call("PATCH", "/users/me", json=body), 200)
    await (await house.native(ELSEWHERE)).sign_in()
    assert await notices(house) == []
    body = {"notifications": {"new_sign_in": True}}
    expect(await desk.call("PATCH", "/users/me", json=body), 200)
    await (await house.native(ELSEWHERE)).sign_in()
    assert await notices(house) == []  # it is known by now


@pytest.mark.settings(require_verification=False)
async def test_an_address_that_is_not_proven_is_not_written_to(house: House) -> None:
    expect(await (await house.browser()).register(), 201)
    await (await house.native(ELSEWHERE)).sign_in()
    assert await notices(house) == []


async def test_somebody_who_is_everywhere_fills_no_mailbox(house: House, desk: Browser) -> None:
    for number in range(6):
        await (await house.native(f"198.51.100.{number}")).sign_in()
    assert len(await notices(house)) == 3
    house.clock.advance(minutes=16)
    await (await house.native("198.51.100.77")).sign_in()
    assert len(await notices(house)) == 4


async def test_another_password_leaves_only_its_own_device_known(
    house: House, desk: Browser
) -> None:
    await (await house.native(ELSEWHERE)).sign_in()
    expect(await desk.change_password(), 200)
    assert [one.network for one in await known(house)] == [HOME]
    await desk.sign_in(password=OTHER_PASSWORD)
    assert len(await notices(house)) == 1
    await (await house.native(ELSEWHERE)).sign_in(password=OTHER_PASSWORD)
    assert len(await notices(house)) == 2


async def test_a_reset_leaves_only_its_own_device_known(house: House, desk: Browser) -> None:
    thief: Native = await house.native(ELSEWHERE)
    await thief.sign_in()
    house.clock.advance(minutes=1)  # no device cookie is as old as the new password
    assert len(await notices(house)) == 1
    await desk.forgot()
    expect(await desk.reset((await house.outbox.last(ADA)).token), 200)
    await desk.sign_in(password=OTHER_PASSWORD)
    assert len(await notices(house)) == 1
    await thief.sign_in(password=OTHER_PASSWORD)
    assert len(await notices(house)) == 2


async def test_no_account_knows_more_devices_than_fifty(house: House, desk: Browser) -> None:
    caller = await known(house)
    for number in range(60):
        house.clock.advance(seconds=1)
        await (await house.native(f"198.51.100.{number}")).sign_in()
    found = await known(house)
    assert len(found) == devices.KEPT
    assert found[0].network == "198.51.100.59"
    assert caller[0] not in found
