"""A person forgot the password, or changes it."""

from __future__ import annotations

import pytest
from parts.house import (
    ADA,
    EVE,
    FIREFOX,
    HOME,
    OTHER_PASSWORD,
    expect,
    problem,
)

from keywright.core.ratelimit.defaults import RESET_MAIL

pytestmark = pytest.mark.anyio


async def test_a_forgotten_password_is_replaced_by_mail(house, visitor):
    await visitor.join()
    assert expect(await visitor.forgot(), 202).json() == {"status": "reset_sent"}
    mail = await house.outbox.last(ADA)
    assert f"https://accounts.example.com/reset-password?token={mail.token}" in mail.text
    assert expect(await visitor.reset(mail.token), 200).json() == {"status": "password_set"}
    problem(await visitor.login(), 401, "invalid_credentials")
    expect(await visitor.login(password=OTHER_PASSWORD), 200)
    assert "password" in (await house.outbox.last(ADA)).subject.lower()


async def test_the_mail_says_which_device_asked(house):
    browser = await house.browser(**{"User-Agent": FIREFOX})
    await browser.join()
    await browser.forgot()
    text = (await house.outbox.last(ADA)).text
    assert "Firefox on Windows" in text
    assert HOME in text


async def test_a_reset_link_works_for_an_hour(house, visitor):
    await visitor.join()
    await visitor.forgot()
    token = (await house.outbox.last(ADA)).token
    house.clock.advance(minutes=60)
    problem(await visitor.reset(token), 400, "invalid_link")
    await visitor.forgot()
    token = (await house.outbox.last(ADA)).token
    house.clock.advance(minutes=59)
    expect(await visitor.reset(token), 200)


async def test_a_weak_new_password_leaves_the_link_usable(house, visitor):
    await visitor.join()
    await visitor.forgot()
    token = (await house.outbox.last(ADA)).token
    answer = problem(await visitor.reset(token, "password1"), 422, "weak_password")
    assert {one["field"] for one in answer["errors"]} == {"new_password"}
    expect(await visitor.reset(token), 200)


async def test_who_never_proved_the_address_gets_the_sign_ups_link_instead(house, visitor):
    await visitor.register()
    await visitor.forgot()
    sign_up, again = await house.outbox.mails(ADA)
    assert again.subject == sign_up.subject
    expect(await visitor.verify(again.token), 200)


@pytest.mark.settings(require_verification=False)
async def test_a_reset_proves_the_address_of_an_unproven_account(house, visitor):
    await visitor.register()
    await visitor.forgot()
    expect(await visitor.reset((await house.outbox.last(ADA)).token), 200)
    answer = expect(await visitor.login(password=OTHER_PASSWORD), 200).json()
    assert answer["user"]["email_verified"] is True


async def test_an_unknown_address_gets_no_mail(house, visitor):
    expect(await visitor.forgot(EVE), 202)
    expect(await visitor.resend(EVE), 202)
    assert await house.outbox.mails() == []


async def test_a_proven_address_gets_no_further_verification_mail(house, visitor):
    await visitor.join()
    before = len(await house.outbox.mails(ADA))
    expect(await visitor.resend(), 202)
    assert len(await house.outbox.mails(ADA)) == before


async def test_mail_to_one_address_is_limited_and_notices_are_not(house, visitor):
    await visitor.join()
    earlier = len(await house.outbox.mails(ADA))
    for _ in range(5):
        expect(await visitor.forgot(), 202)
    mails = (await house.outbox.mails(ADA))[earlier:]
    assert len(mails) == RESET_MAIL[0].amount
    expect(await visitor.reset(mails[-1].token), 200)
    assert len(await house.outbox.mails(ADA)) == earlier + RESET_MAIL[0].amount + 1
    house.clock.advance(minutes=15)
    expect(await visitor.forgot(), 202)
    assert len(await house.outbox.mails(ADA)) == earlier + RESET_MAIL[0].amount + 2


async def test_a_person_changes_the_password_knowing_the_current_one(house, visitor):
    await visitor.join()
    answer = await visitor.change_password()
    assert expect(answer, 200).json() == {"status": "password_set"}
    expect(await visitor.me(), 200)
    expect(await visitor.refresh(), 200)
    problem(await visitor.login(), 401, "invalid_credentials")
    expect(await visitor.login(password=OTHER_PASSWORD), 200)


async def test_a_change_needs_the_current_password(house, visitor):
    await visitor.join()
    wrong = await visitor.change_password(current="not the current one")
    problem(wrong, 401, "invalid_credentials")
    expect(await visitor.login(), 200)


async def test_the_new_password_must_be_good(house, visitor):
    await visitor.join()
    answer = problem(await visitor.change_password(new="ada@example.com"), 422, "weak_password")
    assert {one["field"] for one in answer["errors"]} == {"new_password"}
    expect(await visitor.login(), 200)


async def test_changing_a_password_needs_a_session(house, visitor):
    body = {"current_password": "x", "new_password": OTHER_PASSWORD}
    answer = await visitor.post("/auth/change-password", json=body)
    problem(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
