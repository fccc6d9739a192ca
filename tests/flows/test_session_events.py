"""Applications hear of every session that was ended for somebody, and of every proven address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from parts.house import (
    ADA,
    ELSEWHERE,
    OTHER_PASSWORD,
    House,
    Native,
    claims_of,
    expect,
    problem,
)

from keywright import SessionRevoked, UserVerified
from keywright.flows.administer_users import delete_user, disable_user, sign_user_out
from keywright.flows.administrators import Actor
from keywright.sessions.table import sessions

pytestmark = pytest.mark.anyio
NOBODY = Actor()


@pytest.fixture
def heard(house: House) -> list[SessionRevoked]:
    heard: list[SessionRevoked] = []

    @house.kw.hooks.on(SessionRevoked)
    async def hear(event: SessionRevoked, tx: object) -> None:
        heard.append(event)

    return heard


@pytest.fixture
def proven(house: House) -> list[str]:
    proven: list[str] = []

    @house.kw.hooks.on(UserVerified)
    async def hear(event: UserVerified, tx: object) -> None:
        proven.append(event.email)

    return proven


@pytest.fixture
async def desk(house: House, heard: list[SessionRevoked]) -> Native:
    native = await house.native()
    await native.join()
    return native


@pytest.fixture
async def phone(house: House, desk: Native) -> Native:
    native = await house.native()
    await native.sign_in()
    return native


def session_of(device: Native) -> UUID:
    return UUID(claims_of(device.access_token)["sid"])


def user_of(device: Native) -> UUID:
    return UUID(claims_of(device.access_token)["sub"])


def ended(heard: list[SessionRevoked]) -> set[UUID]:
    assert len(heard) == len({event.session_id for event in heard})
    return {event.session_id for event in heard}


async def end_one(desk: Native, phone: Native) -> None:
    expect(await desk.call("DELETE", f"/auth/sessions/{session_of(phone)}"), 204)


async def end_the_others(desk: Native, phone: Native) -> None:
    assert expect(await desk.call("DELETE", "/auth/sessions"), 200).json() == {"ended": 1}


async def change_the_password(desk: Native, phone: Native) -> None:
    expect(await desk.change_password(), 200)


async def copy_the_token(desk: Native, phone: Native) -> None:
    copied = phone.refresh_token
    for _ in range(2):
        expect(await phone.refresh(), 200)
    phone.refresh_token = copied
    problem(await phone.refresh(), 401, "session_ended")
    problem(await phone.refresh(), 401, "session_ended")


@pytest.mark.parametrize(
    "act", [end_one, end_the_others, change_the_password, copy_the_token], ids=lambda a: a.__name__
)
async def test_one_that_was_ended_is_told_once(
    house, heard, desk, phone, act: Callable[[Native, Native], Awaitable[None]]
):
    await act(desk, phone)
    assert ended(heard) == {session_of(phone)}
    assert {event.user_id for event in heard} == {user_of(desk)}


async def reset_the_password(house: House, desk: Native) -> None:
    expect(await desk.forgot(), 202)
    expect(await desk.reset((await house.outbox.last(ADA)).token), 200)


async def disable(house: House, desk: Native) -> None:
    assert await disable_user(house.kw, user_of(desk), NOBODY)


async def sign_out(house: House, desk: Native) -> None:
    assert await sign_user_out(house.kw, user_of(desk), NOBODY) == 2


async def delete(house: House, desk: Native) -> None:
    await delete_user(house.kw, user_of(desk), NOBODY)


@pytest.mark.parametrize(
    "act", [reset_the_password, disable, sign_out, delete], ids=lambda a: a.__name__
)
async def test_each_is_told_where_all_are_ended(
    house, heard, desk, phone, act: Callable[[House, Native], Awaitable[None]]
):
    await act(house, desk)
    assert ended(heard) == {session_of(desk), session_of(phone)}
    assert await house.count(sessions) == 0


@pytest.mark.settings(max_sessions=2)
async def test_one_that_had_to_make_room_is_told(house, heard, desk, phone):
    house.clock.advance(minutes=1)
    expect(await phone.refresh(), 200)
    newcomer = await (await house.native()).sign_in()
    assert ended(heard) == {session_of(desk)}
    assert session_of(newcomer) not in ended(heard)


@pytest.mark.settings(require_verification=False)
async def test_whoever_a_link_puts_out_is_told(house, heard, proven):
    stranger = await house.native(ELSEWHERE)
    expect(await stranger.register(), 201)
    owner = await house.browser()
    token = (await house.outbox.last(ADA)).token
    expect(await owner.verify(token, new_password=OTHER_PASSWORD), 200)
    assert ended(heard) == {session_of(stranger)}
    assert proven == [ADA]


async def test_signing_out_is_told_as_that(house, heard, desk, phone):
    expect(await phone.logout(), 204)
    assert heard == []


async def test_a_hook_that_fails_ends_nothing(house, desk, phone):
    @house.kw.hooks.on(SessionRevoked)
    async def fail(event: SessionRevoked, tx: object) -> None:
        raise RuntimeError

    problem(await desk.call("DELETE", "/auth/sessions"), 500, "internal_error")
    expect(await phone.me(), 200)
    expect(await phone.refresh(), 200)


@pytest.mark.settings(require_verification=False)
async def test_an_address_that_a_reset_proves_is_told_once(house, heard, proven):
    native = await house.native()
    expect(await native.register(), 201)
    await reset_the_password(house, native)
    assert proven == [ADA]
    await reset_the_password(house, native)
    assert proven == [ADA]
