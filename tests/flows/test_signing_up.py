"""A person signs up, proves the address, signs in, stays signed in and signs out."""

from __future__ import annotations

import pytest
from parts.house import (
    ADA,
    EVE,
    OTHER_PASSWORD,
    PASSWORD,
    House,
    expect,
    problem,
)
from pydantic import BaseModel

from keywright.accounts.registrations.table import registrations
from keywright.accounts.users.table import users

pytestmark = pytest.mark.anyio


class Profile(BaseModel):
    company: str
    seats: int = 1


async def test_a_person_signs_up_signs_in_stays_signed_in_and_signs_out(house, visitor):
    assert expect(await visitor.register(), 202).json()["status"] == "verification_sent"
    problem(await visitor.login(), 403, "email_not_verified")
    mail = await house.outbox.last(ADA)
    answer = expect(await visitor.verify(mail.token), 200).json()
    assert (answer["status"], answer["user"]["email_verified"]) == ("verified", True)
    tokens = expect(await visitor.login(), 200).json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert expect(await visitor.me(), 200).json() == tokens["user"]
    house.clock.advance(minutes=14)
    refreshed = expect(await visitor.refresh(), 200).json()
    assert refreshed["access_token"] != tokens["access_token"]
    assert refreshed["user"] == tokens["user"]
    expect(await visitor.logout(), 204)
    problem(await visitor.me(), 401, "session_ended")
    assert (await visitor.refresh()).status_code == 401


async def test_a_browser_keeps_its_refresh_token_in_a_cookie_and_a_program_in_its_hands(house):
    browser, native = await house.browser(), await house.native()
    await browser.join()
    await native.join(EVE)
    assert browser.refresh_token is None
    assert browser.refresh_cookie is not None
    assert native.refresh_token is not None
    assert not native.http.cookies.get("__Secure-kw_refresh")


async def test_the_form_of_oauth2_signs_in_too(house):
    """As `/docs` sends it (RFC 6749 §4.3.2)."""
    browser = await house.browser()
    await browser.join()
    form = {"grant_type": "password", "username": ADA, "password": PASSWORD}
    answer = expect(await browser.post("/auth/login", data=form), 200).json()
    assert answer["user"]["email"] == ADA
    assert "refresh_token" not in answer
    files = {name: (None, value) for name, value in form.items()}
    expect(await browser.post("/auth/login", files=files), 200)


async def test_a_program_may_sign_in_by_form(house):
    native = await house.native()
    await native.join()
    form = {"username": ADA, "password": PASSWORD, "token_transport": "body"}
    answer = expect(await native.post("/auth/login", data=form), 200).json()
    assert answer["refresh_token"].startswith("kwr_")


async def test_the_content_type_may_be_written_in_capitals(house):
    browser = await house.browser()
    await browser.join()
    body = f'{{"email": "{ADA}", "password": "{PASSWORD}"}}'
    headers = {"Content-Type": "Application/JSON; charset=UTF-8"}
    expect(await browser.post("/auth/login", content=body, headers=headers), 200)


async def test_the_mail_names_its_link_and_says_until_when(house, visitor):
    await visitor.register()
    mail = await house.outbox.last(ADA)
    assert f"https://accounts.example.com/verify-email?token={mail.token}" in mail.text
    assert mail.token in mail.html


async def test_what_a_person_tells_at_sign_up_is_in_the_account(house, visitor):
    await visitor.join(username="Ada.L", name="Ada Lovelace 👩‍💻", locale="en-GB")
    me = (await visitor.me()).json()
    assert me["username"] == "Ada.L"
    assert me["name"] == "Ada Lovelace 👩‍💻"
    assert me["locale"] == "en-GB"
    assert me["roles"] == []
    assert me["profile"] is None


@pytest.mark.settings(profile=Profile)
async def test_the_applications_own_fields_are_checked_and_kept(house, visitor):
    refused = problem(await visitor.register(profile={"seats": "many"}), 422, "invalid_input")
    assert {one["field"] for one in refused["errors"]} == {"profile.company", "profile.seats"}
    await visitor.join(profile={"company": "Analytical Engines", "ignored": True})
    expected = {"company": "Analytical Engines", "seats": 1}
    assert (await visitor.me()).json()["profile"] == expected


@pytest.mark.settings(profile=Profile)
async def test_an_account_from_before_the_applications_fields_can_still_sign_in(house):
    """Made by an administrator, or before the field was asked for."""
    browser = await house.browser()
    await house.under_test.sign_in(browser.http)
    answer = expect(await browser.get("/auth/me"), 200).json()
    assert answer["profile"] is None


async def test_without_own_fields_a_profile_is_refused(house, visitor):
    problem(await visitor.register(profile={"company": "x"}), 422, "invalid_input")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short 1", "password_too_short"),
        ("password123", "weak_password"),
        ("ada@example.com", "weak_password"),
        ("long " * 60, "password_too_long"),
    ],
)
async def test_a_password_that_is_no_good_is_refused_with_the_reason(
    house, visitor, password, code
):
    answer = problem(await visitor.register(password=password), 422, code)
    assert [one["field"] for one in answer["errors"]] == ["password"] * len(answer["errors"])
    assert await house.count(registrations) == 0


async def test_a_password_is_the_same_from_every_keyboard(house, visitor):
    """NFKC: a composed and a decomposed é, a full-width and a plain digit."""
    await visitor.join(password="café walnut harbour ７")
    expect(await visitor.login(password="cafe\u0301 walnut harbour 7"), 200)


async def test_a_link_works_for_a_day(house, visitor):
    await visitor.register()
    token = (await house.outbox.last()).token
    house.clock.advance(hours=24)
    problem(await visitor.verify(token), 400, "invalid_link")
    expect(await visitor.resend(), 202)
    expect(await visitor.verify((await house.outbox.last()).token), 200)


async def test_another_link_may_be_asked_for_and_both_work_until_one_is_used(house, visitor):
    await visitor.register()
    expect(await visitor.resend(), 202)
    first, second = await house.outbox.mails(ADA)
    expect(await visitor.verify(second.token), 200)
    problem(await visitor.verify(first.token), 400, "invalid_link")


async def test_a_sign_up_that_is_never_proven_is_forgotten_after_a_week(house, visitor):
    await visitor.register()
    await house.outbox.last(ADA)
    house.clock.advance(days=7)
    problem(await visitor.login(), 401, "invalid_credentials")
    expect(await visitor.resend(), 202)
    assert len(await house.outbox.mails(ADA)) == 1
    await sweep(house)
    assert await house.count(registrations) == 0


async def test_who_signs_up_with_a_known_address_gets_a_mail_that_says_so(house, visitor):
    await visitor.join()
    again = await house.browser()
    expect(await again.register(password=OTHER_PASSWORD), 202)
    assert "token=" not in (await house.outbox.last(ADA)).text
    problem(await again.login(password="a third password of hers"), 401, "invalid_credentials")
    expect(await visitor.login(), 200)


@pytest.mark.settings(reveal_registered=True)
async def test_where_the_settings_allow_it_a_taken_address_is_told(house, visitor):
    await visitor.join()
    problem(await visitor.register(email="ADA@EXAMPLE.COM"), 409, "email_taken")
    expect(await visitor.register(EVE), 202)


async def test_a_locale_that_is_none_is_refused(house, visitor):
    answer = problem(await visitor.register(locale="en_GB; drop"), 422, "invalid_input")
    assert answer["errors"][0]["field"] == "locale"


class TestWithVerificationOff:
    pytestmark = pytest.mark.settings(require_verification=False)

    async def test_a_person_is_signed_in_at_once(self, house, visitor):
        answer = expect(await visitor.register(), 201).json()
        assert answer["user"]["email_verified"] is False
        assert expect(await visitor.me(), 200).json() == answer["user"]
        expect(await visitor.refresh(), 200)
        expect(await visitor.login(), 200)

    async def test_the_address_is_still_proven_by_its_link(self, house, visitor):
        await visitor.register()
        expect(await visitor.verify((await house.outbox.last(ADA)).token), 200)
        assert (await visitor.me()).json()["email_verified"] is True
        expect(await visitor.refresh(), 200)

    async def test_another_link_may_be_asked_for(self, house, visitor):
        await visitor.register()
        expect(await visitor.resend(), 202)
        first, second = await house.outbox.mails(ADA)
        expect(await visitor.verify(second.token), 200)
        problem(await visitor.verify(first.token), 400, "invalid_link")
        expect(await visitor.resend(), 202)
        assert len(await house.outbox.mails(ADA)) == 2

    async def test_the_session_proves_who_opens_the_link_where_no_cookie_does(self, house):
        native = await house.native()
        await native.register()
        token = (await house.outbox.last(ADA)).token
        expect(await native.call("POST", "/auth/verify-email", json={"token": token}), 200)

    async def test_a_taken_address_is_told(self, house, visitor):
        await visitor.register()
        problem(await visitor.register(), 409, "email_taken")
        assert await house.count(users) == 1


async def sweep(house: House) -> None:
    works = house.under_test.keywright.parts.runner._periodic
    await next(work.run for work in works if work.name == "sweep")()
