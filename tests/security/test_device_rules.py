"""Rules of security.md, "Abuse": a browser that signed in keeps a counter of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from parts.house import (
    ADA,
    API,
    ELSEWHERE,
    OTHER_PASSWORD,
    PASSWORD,
    Browser,
    House,
    expect,
    problem,
)

from keywright.accounts.users import service as users
from keywright.accounts.users.models import UserRecord
from keywright.flows.known_devices import find_device

pytestmark = pytest.mark.anyio
DEVICE_COOKIE = "__Host-kw_device"
NOT_HERS = "a guess at her password"


@pytest.fixture
async def ada(house: House) -> Browser:
    browser = await house.browser()
    await browser.join()
    return browser


async def shut_out(house: House, email: str = ADA) -> None:
    """A stranger errs until every unknown browser has to wait."""
    stranger = await house.browser(ELSEWHERE)
    for _ in range(10):
        problem(await stranger.login(email, NOT_HERS), 401, "invalid_credentials")
    problem(await (await house.browser()).login(email), 429, "too_many_requests")


async def test_who_changed_the_password_is_not_shut_out_of_that_browser(house, ada):
    """The device cookie is bound to the age of the password, and that is new."""
    house.clock.advance(minutes=1)
    before = ada.http.cookies[DEVICE_COOKIE]
    expect(await ada.change_password(), 200)
    assert ada.http.cookies[DEVICE_COOKIE] != before
    await shut_out(house)
    expect(await ada.login(password=OTHER_PASSWORD), 200)


async def test_a_change_that_is_refused_makes_no_browser_known(house, ada):
    thief = await house.browser(ELSEWHERE)
    thief.access_token = ada.access_token
    answer = await thief.change_password(current=NOT_HERS)
    problem(answer, 401, "invalid_credentials")
    assert "set-cookie" not in answer.headers


async def test_a_change_of_password_leaves_no_other_device_known(house, ada):
    house.clock.advance(minutes=1)
    other = await house.browser()
    await other.sign_in()
    expect(await ada.change_password(), 200)
    await shut_out(house)
    problem(await other.login(password=OTHER_PASSWORD), 429, "too_many_requests")


async def test_no_other_site_has_a_browser_made_known(house, ada):
    """With a token of an account of its own it would take the visitor's device cookie away."""
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    headers = {"Authorization": f"Bearer {ada.access_token}", "Origin": "https://evil.example"}
    headers["Sec-Fetch-Site"] = "cross-site"
    path = f"{API}/auth/change-password"
    answer = await ada.http.post(path, json=body, headers=headers)
    problem(answer, 403, "cross_site_request")
    assert "set-cookie" not in answer.headers
    expect(await ada.login(), 200)


@pytest.mark.settings(require_verification=False)
async def test_who_was_signed_in_by_signing_up_is_not_shut_out(house):
    browser = await house.browser()
    expect(await browser.register(), 201)
    await shut_out(house)
    expect(await browser.login(), 200)


async def test_a_sign_up_that_is_not_signed_in_makes_no_browser_known(house):
    browser = await house.browser()
    expect(await browser.register(), 202)
    assert DEVICE_COOKIE not in browser.http.cookies


async def test_right_passwords_before_the_proof_shut_nobody_out_after_it(house, visitor):
    await visitor.register()
    for _ in range(10):
        problem(await visitor.login(), 403, "email_not_verified")
    problem(await visitor.login(), 429, "too_many_requests")
    expect(await visitor.verify((await house.outbox.last(ADA)).token), 200)
    expect(await visitor.login(), 200)


async def test_a_link_that_is_none_clears_no_failures(house, ada):
    await shut_out(house)
    stranger = await house.browser(ELSEWHERE)
    problem(await stranger.verify("made-up", new_password=OTHER_PASSWORD), 400, "invalid_link")
    problem(await stranger.login(), 429, "too_many_requests")


def once_the_password_is_checked(house: House, act: Callable[[], Awaitable[None]]) -> None:
    check = house.kw.passwords.verify

    async def verify(*arguments: object, **options: object) -> bool:
        good = await check(*arguments, **options)
        house.kw.passwords.verify = check
        await act()
        return good

    house.kw.passwords.verify = verify


def once_the_session_is_written(house: House, act: Callable[[], Awaitable[None]]) -> None:
    begin = house.db.transaction

    @asynccontextmanager
    async def transaction(*, alone: bool = False) -> AsyncIterator[object]:
        async with begin(alone=alone) as tx:
            yield tx
        house.db.transaction = begin
        await act()

    house.db.transaction = transaction


@pytest.mark.parametrize(
    ("overlap", "status"), [(once_the_password_is_checked, 401), (once_the_session_is_written, 200)]
)
async def test_a_sign_in_that_overlaps_a_reset_makes_no_browser_known(house, ada, overlap, status):
    """It began with the old password, and is answered when the owner has put it out."""
    expect(await ada.forgot(), 202)
    token = (await house.outbox.last(ADA)).token
    thief = await house.browser(ELSEWHERE)

    async def reset() -> None:
        house.clock.advance(minutes=1)
        expect(await ada.reset(token), 200)

    overlap(house, reset)
    expect(await thief.login(), status)
    cookie = thief.http.cookies.get(DEVICE_COOKIE)
    assert (cookie is not None) == (status == 200)
    assert find_device(house.kw.secrets, cookie, await account(house)) is None
    await shut_out(house)
    problem(await thief.login(password=OTHER_PASSWORD), 429, "too_many_requests")


async def account(house: House) -> UserRecord:
    user = await users.find_by_email(house.kw.db, ADA)
    assert user is not None
    return user
