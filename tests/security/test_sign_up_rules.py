"""Rules of security.md, "Mailed and shown secrets": signing up and proving an address."""

from __future__ import annotations

import httpx
import pytest
from parts.house import (
    ADA,
    ELSEWHERE,
    EVE,
    OTHER_PASSWORD,
    PASSWORD,
    Browser,
    House,
    Native,
    expect,
    problem,
)

from keywright.accounts.registrations.table import registrations
from keywright.accounts.users.table import users
from keywright.core.events import UserCreated, UserRegistered
from keywright.flows.prove_address import LinkHolder, preview_link
from keywright.outbox.table import outbox
from keywright.sessions.table import sessions

pytestmark = pytest.mark.anyio
NOT_THE_SAME = {"x-request-id", "date", "set-cookie"}
CHALLENGE = "BUY-NOW"


@pytest.fixture
async def ada(house: House) -> Browser:
    browser = await house.browser()
    await browser.join()
    return browser


def seen_by_the_caller(answer: httpx.Response) -> tuple[object, ...]:
    """All of an answer but what is different in any two."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    headers = {n: v for n, v in answer.headers.items() if n not in NOT_THE_SAME}
    cookies = [
        (line.partition("=")[0], line.partition(";")[2])
        for line in answer.headers.get_list("set-cookie")
    ]
    return answer.status_code, body, headers, cookies


async def work_of(house: House, asked: Browser, path: str, body: dict[str, str]) -> object:
    """What the caller sees, what the database does, and how many rows there are more."""
    counted = (registrations, outbox, users, sessions)
    before = [await house.count(table) for table in counted]
    house.db.steps.clear()
    answer = await asked.post(path, json=body)
    steps = house.db.steps.copy()
    rows = [await house.count(table) - was for table, was in zip(counted, before, strict=True)]
    return seen_by_the_caller(answer), steps, rows


# The same for every address


async def test_signing_up_is_the_same_work_and_answer_for_any_address(house, ada):
    stranger = await house.browser(ELSEWHERE)
    body = {"password": OTHER_PASSWORD, "name": "Eve"}
    known = await work_of(house, stranger, "/auth/register", {"email": ADA, **body})
    unknown = await work_of(house, stranger, "/auth/register", {"email": EVE, **body})
    assert known == unknown
    assert known[0][0] == 202
    assert known[2] == [1, 1, 0, 0]


async def test_asking_for_another_link_is_the_same_work_and_answer_for_any_address(house, ada):
    waiting, stranger = "waiting@example.com", await house.browser(ELSEWHERE)
    await stranger.register(waiting)
    await house.outbox.mails()
    path = "/auth/resend-verification"
    seen = [await work_of(house, stranger, path, {"email": to}) for to in (ADA, EVE, waiting)]
    assert seen[0] == seen[1] == seen[2]
    assert (seen[0][0][0], seen[0][2]) == (202, [0, 1, 0, 0])


async def test_a_forgotten_password_is_the_same_work_and_answer_for_any_address(house, ada):
    waiting, stranger = "waiting@example.com", await house.browser(ELSEWHERE)
    await stranger.register(waiting)
    await house.outbox.mails()
    path = "/auth/forgot-password"
    seen = [await work_of(house, stranger, path, {"email": to}) for to in (ADA, EVE, waiting)]
    assert seen[0] == seen[1] == seen[2]
    assert (seen[0][0][0], seen[0][2]) == (202, [0, 1, 0, 0])


async def test_a_known_address_is_told_only_to_its_owner(house, ada):
    stranger = await house.browser(ELSEWHERE)
    expect(await stranger.register(ADA, OTHER_PASSWORD), 202)
    told = await house.outbox.last()
    assert told.to == ADA
    assert "token=" not in told.text
    expect(await ada.login(), 200)


@pytest.mark.settings(require_verification=False)
async def test_without_verification_a_taken_address_is_told(house):
    """The setting implies it, since a sign-up is signed in at once."""
    assert house.kw.settings.may_reveal_registered
    browser = await house.browser()
    expect(await browser.register(), 201)
    problem(await browser.register(), 409, "email_taken")


async def test_with_verification_signing_up_gives_no_session(house):
    browser = await house.browser()
    answer = expect(await browser.register(), 202).json()
    assert answer == {"status": "verification_sent"}
    assert browser.refresh_cookie is None
    assert await house.count(sessions) == await house.count(users) == 0


@pytest.mark.settings(rate_limits="on")
async def test_sign_ups_and_mails_from_one_network_are_limited_by_default(house):
    for act in (Browser.register, Browser.resend, Browser.forgot):
        browser = await house.browser()
        answers = [(await act(browser, f"p{n}@example.com")).status_code for n in range(4)]
        assert answers == [202, 202, 202, 429]


# Whose sign-up it is


async def rivals(house: House) -> tuple[Browser, str, Native, str]:
    """Eve signs up at Ada's address first, and Ada a minute later: two rows, two links."""
    eve, ada = await house.native(ELSEWHERE), await house.browser()
    expect(await eve.register(ADA, OTHER_PASSWORD, name="Eve", username="eve"), 202)
    first = (await house.outbox.last(ADA)).token
    house.clock.advance(minutes=1)
    expect(await ada.register(ADA, PASSWORD, name="Ada"), 202)
    second = (await house.outbox.last(ADA)).token
    assert await house.count(registrations) == 2
    return ada, second, eve, first


async def test_each_sign_up_at_an_unproven_address_has_a_link_of_its_own(house):
    ada, own, eve, theirs = await rivals(house)
    answer = expect(await ada.verify(own), 200).json()
    assert answer["user"]["name"] == "Ada"
    expect(await ada.login(), 200)
    problem(await eve.login(ADA, OTHER_PASSWORD), 401, "invalid_credentials")


async def test_a_link_that_is_used_drops_the_other_sign_ups(house):
    ada, own, eve, theirs = await rivals(house)
    expect(await ada.verify(own), 200)
    assert await house.count(registrations) == 0
    problem(await ada.verify(theirs, new_password=PASSWORD), 400, "invalid_link")
    problem(await eve.verify(theirs), 400, "invalid_link")


async def test_a_link_opened_in_another_browser_asks_for_a_new_password(house):
    """Ada opens the link of Eve's sign-up: what Eve typed lets nobody in."""
    ada, _, eve, theirs = await rivals(house)
    problem(await ada.verify(theirs), 409, "new_password_required")
    expect(await ada.verify(theirs, new_password="a password of her own"), 200)
    problem(await eve.login(ADA, OTHER_PASSWORD), 401, "invalid_credentials")
    expect(await ada.login(ADA, "a password of her own"), 200)


async def test_the_page_of_a_link_asks_likewise(house):
    ada, own, eve, theirs = await rivals(house)
    secret = ada.http.cookies.get("__Host-kw_sign_up")
    for token, needed in ((own, False), (theirs, True)):
        preview = await preview_link(house.kw, token, LinkHolder(browser_secret=secret))
        assert (preview.email, preview.needs_password) == (ADA, needed)
    preview = await preview_link(house.kw, own, LinkHolder())
    assert preview.needs_password


async def test_a_made_up_sign_up_cookie_proves_nothing(house):
    ada, own, _, theirs = await rivals(house)
    for value in ("made-up", "0" * 43, theirs):
        answer = await ada.verify(own, registration_token=value)
        problem(answer, 409, "new_password_required")
    ada.http.cookies.clear()
    problem(await ada.verify(own), 409, "new_password_required")


async def test_a_new_password_at_a_link_must_be_good(house):
    ada, _, _, theirs = await rivals(house)
    problem(await ada.verify(theirs, new_password="password1"), 422, "weak_password")
    expect(await ada.verify(theirs, new_password="a password of her own"), 200)


# Whatever proves an address first


@pytest.mark.settings(require_verification=False)
async def test_who_proves_an_address_by_link_puts_whoever_registered_it_out(house):
    eve, ada = await house.native(ELSEWHERE), await house.browser()
    expect(await eve.register(ADA, OTHER_PASSWORD), 201)
    token = (await house.outbox.last(ADA)).token
    problem(await ada.verify(token), 409, "new_password_required")
    expect(await ada.verify(token, new_password="a password of her own"), 200)
    problem(await eve.me(), 401, "session_ended")
    problem(await eve.refresh(), 401, "session_ended")
    problem(await eve.login(ADA, OTHER_PASSWORD), 401, "invalid_credentials")
    expect(await ada.login(ADA, "a password of her own"), 200)


@pytest.mark.settings(require_verification=False)
async def test_who_proves_an_address_by_reset_puts_whoever_registered_it_out(house):
    eve, ada = await house.native(ELSEWHERE), await house.browser()
    expect(await eve.register(ADA, OTHER_PASSWORD), 201)
    await ada.forgot()
    expect(await ada.reset((await house.outbox.last(ADA)).token, "a password of her own"), 200)
    problem(await eve.me(), 401, "session_ended")
    problem(await eve.refresh(), 401, "session_ended")
    problem(await eve.login(ADA, OTHER_PASSWORD), 401, "invalid_credentials")
    answer = expect(await ada.login(ADA, "a password of her own"), 200).json()
    assert answer["user"]["email_verified"] is True


@pytest.mark.settings(require_verification=False)
async def test_after_a_reset_the_registrants_browser_proves_nothing_any_more(house):
    eve, ada = await house.browser(ELSEWHERE), await house.browser()
    expect(await eve.register(ADA, OTHER_PASSWORD), 201)
    await ada.forgot()
    first, reset = await house.outbox.mails(ADA)
    expect(await ada.reset(reset.token), 200)
    problem(await eve.post("/auth/verify-email", json={"token": first.token}), 400, "invalid_link")


# What mails say


async def test_a_mail_to_an_unproven_address_says_nothing_that_was_typed(house):
    """Else a sign-up form sends anybody's advertisement to anybody."""
    spammer = await house.browser(**{"User-Agent": f"{CHALLENGE}/1.0"})
    fields = {"name": f"{CHALLENGE} http://evil.example", "username": CHALLENGE}
    expect(await spammer.register("victim@example.com", **fields), 202)
    await spammer.resend("victim@example.com")
    await spammer.forgot("victim@example.com")
    mails = await house.outbox.mails("victim@example.com")
    assert len(mails) == 3
    for mail in mails:
        assert CHALLENGE.lower() not in f"{mail.subject} {mail.text} {mail.html}".lower()


async def test_mail_goes_to_the_stored_spelling_alone(house):
    """A look-alike that folds to the same is found, and never written to."""
    browser = await house.browser()
    await browser.join("Ada@example.com")
    for ask in (browser.forgot, browser.resend, browser.register):
        expect(await ask("ａdA@EXAMPLE.com"), 202)
    assert {mail.to for mail in await house.outbox.mails()} == {"Ada@example.com"}


@pytest.mark.parametrize("username", ["ada@example.com", "@ada", "ada＠home"])
async def test_a_username_never_contains_an_at_sign(house, username):
    problem(await (await house.browser()).register(username=username), 422, "invalid_username")


# One transaction


async def test_a_hook_that_refuses_a_sign_up_leaves_nothing_of_it(house):
    async def refuse(event, tx):
        raise LookupError("not today")

    house.kw.hooks.on(UserRegistered)(refuse)
    expect(await (await house.browser()).register(), 500)
    assert await house.count(registrations) == await house.count(outbox) == 0
    assert await house.outbox.mails() == []


async def test_a_hook_that_refuses_an_account_leaves_the_link_usable(house):
    async def refuse(event, tx):
        raise LookupError("not today")

    browser = await house.browser()
    await browser.register()
    token = (await house.outbox.last()).token
    house.kw.hooks.on(UserCreated)(refuse)
    expect(await browser.verify(token), 500)
    assert await house.count(users) == 0
    house.kw.hooks._on.clear()
    expect(await browser.verify(token), 200)
