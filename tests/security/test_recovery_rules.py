"""Rules of security.md, "Mailed and shown secrets": links, and what a new password ends."""

from __future__ import annotations

import math

import msgspec
import pytest
import sqlalchemy as sa
from parts.house import (
    ADA,
    ELSEWHERE,
    EVE,
    OTHER_PASSWORD,
    PASSWORD,
    Browser,
    House,
    expect,
    problem,
)

from keywright.accounts.link_tokens.table import link_tokens
from keywright.accounts.users import service as users
from keywright.core.db import Statement
from keywright.core.hashing import sha256
from keywright.core.ids import ALPHABET
from keywright.flows.administer_users import disable_user
from keywright.flows.administrators import Actor
from keywright.flows.prove_address import LinkHolder, preview_link
from keywright.flows.recover_account import preview_reset

pytestmark = pytest.mark.anyio
A_THIRD = "a third password of hers"


@pytest.fixture
async def ada(house: House) -> Browser:
    browser = await house.browser()
    await browser.join()
    return browser


async def reset_token(house: House, person: Browser, email: str = ADA) -> str:
    """Mails of one moment come in any order."""
    expect(await person.forgot(email), 202)
    mails = await house.outbox.mails(email)
    return [mail for mail in mails if "/reset-password?token=" in mail.text][-1].token


# What a mailed token is


async def test_a_mailed_token_has_128_bits_and_is_stored_as_a_digest(house, ada):
    token = await reset_token(house, ada)
    assert len(token) * math.log2(len(ALPHABET)) >= 128
    stored = await raw_rows(house, link_tokens)
    assert any(sha256(token) in row for row in stored)
    assert not any(value in {token, token.encode()} for row in stored for value in row)


async def raw_rows(house: House, table: sa.Table) -> list[tuple[object, ...]]:
    row = msgspec.defstruct("Raw", [(str(c.name), object) for c in table.c], frozen=True)
    statement = Statement(sa.select(*table.c), row=row)
    return [msgspec.structs.astuple(one) for one in await house.db.many(statement)]


async def test_a_mailed_token_works_once(house, ada):
    token = await reset_token(house, ada)
    expect(await ada.reset(token), 200)
    problem(await ada.reset(token, A_THIRD), 400, "invalid_link")
    problem(await ada.login(password=A_THIRD), 401, "invalid_credentials")


async def test_the_link_of_a_sign_up_works_once(house):
    browser = await house.browser()
    await browser.register()
    token = (await house.outbox.last()).token
    expect(await browser.verify(token), 200)
    problem(await browser.verify(token), 400, "invalid_link")


@pytest.mark.settings(require_verification=False)
async def test_the_verification_link_of_an_account_works_once(house):
    browser = await house.browser()
    await browser.register()
    token = (await house.outbox.last()).token
    expect(await browser.verify(token), 200)
    problem(await browser.verify(token), 400, "invalid_link")


async def test_a_token_works_for_its_purpose_alone(house, ada):
    token = await reset_token(house, ada)
    problem(await ada.verify(token, new_password=OTHER_PASSWORD), 400, "invalid_link")
    eve = await house.browser()
    await eve.register(EVE)
    verify = (await house.outbox.last(EVE)).token
    problem(await eve.reset(verify), 400, "invalid_link")
    expect(await ada.reset(token), 200)
    expect(await eve.verify(verify), 200)


@pytest.mark.settings(require_verification=False)
async def test_a_verification_link_of_an_account_resets_no_password(house):
    browser = await house.browser()
    expect(await browser.register(), 201)
    token = (await house.outbox.last()).token
    problem(await browser.reset(token), 400, "invalid_link")


async def test_a_token_works_for_its_person_alone(house, ada):
    eve = await house.browser()
    await eve.join(EVE, OTHER_PASSWORD)
    expect(await ada.reset(await reset_token(house, ada), A_THIRD), 200)
    expect(await eve.login(EVE, OTHER_PASSWORD), 200)
    problem(await eve.login(ADA, OTHER_PASSWORD), 401, "invalid_credentials")


async def test_a_reset_link_lives_for_an_hour_and_a_verification_link_for_a_day(house, ada):
    reset = await reset_token(house, ada)
    eve = await house.browser()
    await eve.register(EVE)
    verify = (await house.outbox.last(EVE)).token
    house.clock.advance(hours=1)
    problem(await ada.reset(reset), 400, "invalid_link")
    house.clock.advance(hours=22, minutes=59)
    expect(await eve.verify(verify), 200)
    house.clock.advance(days=1)
    bob = await house.browser()
    await bob.register("bob@example.com")
    verify = (await house.outbox.last("bob@example.com")).token
    house.clock.advance(days=1)
    problem(await bob.verify(verify), 400, "invalid_link")


async def test_opening_a_link_never_uses_it(house, ada):
    """Mail scanners open every link, more than once, with HEAD and with GET."""
    reset = await reset_token(house, ada)
    eve = await house.browser()
    await eve.register(EVE)
    verify = (await house.outbox.last(EVE)).token
    scanner = await house.browser(ELSEWHERE)
    for page, token in (("reset-password", reset), ("verify-email", verify)):
        for _ in range(2):
            expect(await scanner.http.get(f"/{page}", params={"token": token}), 200)
            await scanner.http.head(f"/{page}", params={"token": token})
        for method in ("GET", "HEAD", "OPTIONS", "PUT"):
            answer = await scanner.http.request(method, f"/api/v1/auth/{page}?token={token}")
            assert answer.status_code in {404, 405}
    await preview_reset(house.kw, reset)
    await preview_link(house.kw, verify, LinkHolder())
    expect(await ada.reset(reset), 200)
    expect(await eve.verify(verify), 200)


# Which tokens die together


async def test_all_links_die_when_one_is_used(house, ada):
    first, second = await reset_token(house, ada), await reset_token(house, ada)
    expect(await ada.reset(second), 200)
    problem(await ada.reset(first, A_THIRD), 400, "invalid_link")


async def test_links_die_with_a_change_of_password(house, ada):
    token = await reset_token(house, ada)
    expect(await ada.change_password(), 200)
    problem(await ada.reset(token, A_THIRD), 400, "invalid_link")


@pytest.mark.settings(require_verification=False)
async def test_a_verification_link_dies_with_a_reset(house):
    browser = await house.browser()
    await browser.register()
    verify = (await house.outbox.last()).token
    expect(await browser.reset(await reset_token(house, browser)), 200)
    browser.access_token = None
    problem(await browser.verify(verify), 400, "invalid_link")


async def test_links_die_with_a_disabled_account(house, ada):
    token = await reset_token(house, ada)
    await disable_user(house.kw, await id_of(house), Actor())
    problem(await ada.reset(token), 400, "invalid_link")
    expect(await ada.forgot(), 202)
    assert (await house.outbox.last(ADA)).token == token


async def test_a_link_that_survives_disabling_resets_nothing(house, ada):
    token = await reset_token(house, ada)
    async with house.db.transaction() as tx:
        await users.disable(tx, await id_of(house), house.clock.now())
    problem(await ada.reset(token), 400, "invalid_link")


# What a new password ends


async def test_a_reset_ends_every_session(house, ada):
    page, native = await house.browser(), await (await house.native()).sign_in()
    await page.sign_in_to_pages()
    expect(await page.get("/auth/me"), 200)
    expect(await ada.reset(await reset_token(house, ada)), 200)
    for one in (ada, native):
        problem(await one.me(), 401, "session_ended")
        problem(await one.refresh(), 401, "session_ended")
    problem(await page.get("/auth/me"), 401, "not_authenticated")


async def test_a_reset_never_signs_in(house, ada):
    browser = await house.browser()
    answer = expect(await browser.reset(await reset_token(house, ada)), 200)
    assert answer.json() == {"status": "password_set"}
    assert "set-cookie" not in answer.headers
    assert browser.refresh_cookie is None


async def test_a_change_ends_every_other_session_and_keeps_this_one(house, ada):
    page, native = await house.browser(), await (await house.native()).sign_in()
    await page.sign_in_to_pages()
    expect(await ada.change_password(), 200)
    problem(await native.me(), 401, "session_ended")
    problem(await native.refresh(), 401, "session_ended")
    problem(await page.get("/auth/me"), 401, "not_authenticated")
    expect(await ada.me(), 200)
    expect(await ada.refresh(), 200)


async def test_a_change_by_who_knew_the_old_password_does_not_undo_a_reset(house, ada):
    """A thief's change was checked against the old password, and comes after the owner's reset."""
    token = await reset_token(house, ada)
    thief = await (await house.native(ELSEWHERE)).sign_in()
    owner = await house.browser()
    check, done = house.kw.passwords.verify, []

    async def verify(*arguments: object, **options: object) -> bool:
        good = await check(*arguments, **options)
        if not done:
            done.append(True)
            house.clock.advance(seconds=1)
            expect(await owner.reset(token), 200)
        return good

    house.kw.passwords.verify = verify
    assert (await thief.change_password(new=A_THIRD)).status_code == 401
    problem(await owner.login(password=A_THIRD), 401, "invalid_credentials")
    expect(await owner.login(password=OTHER_PASSWORD), 200)


async def test_the_owner_is_told_of_every_new_password(house, ada):
    expect(await ada.change_password(), 200)
    first = await house.outbox.last(ADA)
    expect(await ada.reset(await reset_token(house, ada), A_THIRD), 200)
    second = await house.outbox.last(ADA)
    for mail in (first, second):
        assert "password" in mail.subject.lower()
        assert "token=" not in mail.text
    assert len(await house.outbox.mails(ADA)) == 4


async def test_sign_ups_at_somebodys_address_do_not_stop_their_reset_mails(house, ada):
    stranger = await house.browser(ELSEWHERE)
    for _ in range(5):
        expect(await stranger.register(), 202)
    expect(await ada.reset(await reset_token(house, ada)), 200)


async def test_a_reset_lets_the_owner_back_in_who_was_shut_out(house, ada):
    stranger = await house.browser(ELSEWHERE)
    for _ in range(11):
        await stranger.login(password=A_THIRD)
    problem(await stranger.login(), 429, "too_many_requests")
    expect(await stranger.reset(await reset_token(house, stranger)), 200)
    expect(await stranger.login(password=OTHER_PASSWORD), 200)


async def test_wrong_current_passwords_are_counted(house, ada):
    for _ in range(10):
        answer = await ada.change_password(current=A_THIRD)
        problem(answer, 401, "invalid_credentials")
    problem(await ada.change_password(current=PASSWORD), 429, "too_many_requests")


async def id_of(house: House):
    user = await users.find_by_email(house.kw.db, ADA)
    assert user is not None
    return user.id
