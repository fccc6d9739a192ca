"""Rules of security.md, "Passwords" and "Abuse": signing in."""

from __future__ import annotations

from collections.abc import Iterator

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
    expect,
    problem,
)

from keywright.accounts.passwords import argon2id
from keywright.accounts.passwords.errors import Overloaded
from keywright.accounts.users import service as users
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent, Outcome
from keywright.flows.administer_users import disable_user
from keywright.flows.administrators import Actor
from keywright.sessions.table import sessions

pytestmark = pytest.mark.anyio
NOT_THE_SAME = {"x-request-id", "date"}


@pytest.fixture
async def ada(house: House) -> Browser:
    browser = await house.browser()
    await browser.join()
    return browser


def seen_by_the_caller(answer: httpx.Response) -> tuple[object, ...]:
    """All of an answer but what is different in any two."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    headers = {n: v for n, v in answer.headers.items() if n not in NOT_THE_SAME}
    return answer.status_code, body, headers


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Which hashes were really computed, by their costs."""
    computed: list[str] = []
    verify, compute = argon2id.verify_secret, argon2id.hash_secret

    def watched_verify(stored: bytes, *rest: object) -> bool:
        computed.append(stored.decode().split("$")[3])
        return verify(stored, *rest)

    def watched_hash(*arguments: object) -> bytes:
        done = compute(*arguments)
        computed.append(done.decode().split("$")[3])
        return done

    monkeypatch.setattr(argon2id, "verify_secret", watched_verify)
    monkeypatch.setattr(argon2id, "hash_secret", watched_hash)
    return computed


# Known and unknown addresses


async def test_an_unknown_address_is_answered_like_a_wrong_password(house, ada):
    stranger = await house.browser(ELSEWHERE)
    wrong = await stranger.login(ADA, OTHER_PASSWORD)
    unknown = await stranger.login(EVE, OTHER_PASSWORD)
    problem(wrong, 401, "invalid_credentials")
    assert seen_by_the_caller(wrong) == seen_by_the_caller(unknown)


async def test_an_unknown_address_costs_a_real_hash(house, ada, hashes):
    stranger = await house.browser(ELSEWHERE)
    await stranger.login(ADA, OTHER_PASSWORD)
    known = hashes.copy()
    hashes.clear()
    await stranger.login(EVE, OTHER_PASSWORD)
    assert hashes == known
    assert len(known) == 1


async def test_an_unknown_address_is_the_same_work_for_the_database(house, ada):
    stranger = await house.browser(ELSEWHERE)
    house.db.steps.clear()
    await stranger.login(ADA, OTHER_PASSWORD)
    known = house.db.steps.copy()
    house.db.steps.clear()
    await stranger.login(EVE, OTHER_PASSWORD)
    assert house.db.steps == known


async def test_who_signs_up_and_then_signs_in_does_not_learn_whether_there_is_an_account(
    house, ada, hashes
):
    """The right password of a sign-up answers 403 until its address is proven, on every address."""
    stranger = await house.browser(ELSEWHERE)
    seen = []
    for address in (ADA, EVE):
        expect(await stranger.register(address, OTHER_PASSWORD), 202)
        await house.outbox.mails()
        house.db.steps.clear()
        hashes.clear()
        right = await stranger.login(address, OTHER_PASSWORD)
        wrong = await stranger.login(address, "neither of the two")
        work = house.db.steps.copy(), hashes.copy()
        seen.append((seen_by_the_caller(right), seen_by_the_caller(wrong), work))
    assert seen[0] == seen[1]
    assert seen[0][0][0] == 403
    expect(await ada.login(), 200)


async def test_a_disabled_account_is_answered_like_a_wrong_password(house, ada):
    await disable_user(house.kw, await id_of(house, ADA), Actor())
    stranger = await house.browser(ELSEWHERE)
    right = await stranger.login(ADA, PASSWORD)
    wrong = await stranger.login(ADA, OTHER_PASSWORD)
    assert seen_by_the_caller(right) == seen_by_the_caller(wrong)
    problem(right, 401, "invalid_credentials")


async def test_an_account_without_a_password_is_answered_like_a_wrong_one(house, hashes):
    await house.under_test.sign_in((await house.browser()).http, email=ADA)
    stranger = await house.browser(ELSEWHERE)
    without, unknown = await stranger.login(ADA), await stranger.login(EVE)
    assert seen_by_the_caller(without) == seen_by_the_caller(unknown)
    assert len(hashes) == 2


# Unproven addresses


async def test_the_right_password_of_an_unproven_address_gives_no_session(house):
    browser = await house.browser()
    await browser.register()
    problem(await browser.login(), 403, "email_not_verified")
    assert browser.refresh_cookie is None
    assert await house.count(sessions) == 0


async def test_an_account_from_before_verification_was_required_must_be_proven_too(
    house_url, builder, tmp_path
):
    async with builder.build(house_url, tmp_path, require_verification=False) as before:
        expect(await (await before.browser()).register(), 201)
    async with builder.build(house_url, tmp_path) as house:
        browser = await house.browser()
        problem(await browser.login(), 403, "email_not_verified")
        await browser.resend()
        answer = await browser.verify((await house.outbox.last(ADA)).token)
        problem(answer, 409, "new_password_required")


# What was decided before the write is checked by the write


async def test_an_account_disabled_while_its_password_was_checked_gets_no_session(house, ada):
    async def disable_meanwhile() -> None:
        async with house.db.transaction() as tx:
            await users.disable(tx, await id_of(house, ADA), house.clock.now())

    meanwhile(house, disable_meanwhile)
    before = await house.count(sessions)
    problem(await (await house.browser()).login(), 401, "invalid_credentials")
    assert await house.count(sessions) == before


async def test_a_password_changed_while_the_old_one_was_checked_gives_no_session(house, ada):
    other = await (await house.native()).sign_in()
    meanwhile(house, other.change_password)
    house.clock.advance(seconds=1)
    problem(await (await house.browser()).login(), 401, "invalid_credentials")


def meanwhile(house: House, act) -> None:
    """Let `act` happen once, between the check of a password and what follows from it."""
    check, done = house.kw.passwords.verify, []

    async def verify(*arguments: object, **options: object) -> bool:
        good = await check(*arguments, **options)
        if not done:
            done.append(True)
            await act()
        return good

    house.kw.passwords.verify = verify


# Limits for each account


async def fail(browser: Browser, times: int, email: str = ADA) -> list[int]:
    return [(await browser.login(email, OTHER_PASSWORD)).status_code for _ in range(times)]


async def test_after_ten_failures_an_account_has_one_try_a_minute(house, ada):
    stranger = await house.browser(ELSEWHERE)
    assert await fail(stranger, 10) == [401] * 10
    refused = problem(await stranger.login(), 429, "too_many_requests")
    assert "60 seconds" in refused["detail"]
    house.clock.advance(minutes=1)
    assert await fail(stranger, 2) == [401, 429]
    house.clock.advance(minutes=15)
    assert await fail(stranger, 11) == [401] * 10 + [429]


async def test_many_networks_share_the_tries_of_one_account(house, ada):
    for number in range(10):
        assert await fail(await house.browser(f"198.51.100.{number}"), 1) == [401]
    assert await fail(await house.browser("192.0.2.1"), 1) == [429]


async def test_every_spelling_of_an_address_shares_its_tries(house, ada):
    stranger = await house.browser(ELSEWHERE)
    assert await fail(stranger, 5, "ADA@example.com") == [401] * 5
    assert await fail(stranger, 5, " ada@EXAMPLE.com") == [401] * 5
    assert await fail(stranger, 1) == [429]


async def test_an_unknown_address_is_paused_like_a_known_one(house, ada):
    stranger = await house.browser(ELSEWHERE)
    assert await fail(stranger, 11, EVE) == await fail(stranger, 11, ADA)


async def test_nobody_shuts_the_owner_out(house, ada):
    """A browser that signed in before has its own counter."""
    await fail(await house.browser(ELSEWHERE), 11)
    expect(await ada.login(), 200)
    problem(await (await house.browser()).login(), 429, "too_many_requests")


async def test_a_known_browser_has_ten_tries_too(house, ada):
    assert await fail(ada, 11) == [401] * 10 + [429]


async def test_a_device_cookie_counts_for_its_own_account_alone(house, ada):
    eve = await house.browser()
    await eve.join(EVE)
    await fail(await house.browser(ELSEWHERE), 11)
    problem(await eve.login(ADA), 429, "too_many_requests")


async def test_a_made_up_device_cookie_gets_no_tries_of_its_own(house, ada):
    await fail(await house.browser(ELSEWHERE), 11)
    stranger = await house.browser()
    for value in ("made-up", "a.00", ".", "a." + "0" * 72, "x" * 600):
        stranger.http.cookies.set("__Host-kw_device", value, domain="accounts.example.com")
        problem(await stranger.login(), 429, "too_many_requests")


def device_cookie_of(browser) -> str:
    return browser.http.cookies["__Host-kw_device"]


async def test_a_device_cookie_has_one_spelling(house, ada):
    """Each spelling would be counted for itself, and there would be tries without end."""
    good = device_cookie_of(ada)
    device_id, _, mac = good.partition(".")
    await fail(await house.browser(ELSEWHERE), 11)
    stranger = await house.browser()
    for value in (good.upper(), f"{device_id}.{mac.upper()}", f"{device_id}. {mac}"):
        stranger.http.cookies.set("__Host-kw_device", value, domain="accounts.example.com")
        problem(await stranger.login(), 429, "too_many_requests")


async def test_a_device_cookie_of_one_account_cannot_be_cut_into_another_s(house, ada):
    eve = await house.browser()
    await eve.join("x.ada@example.com")
    await fail(await house.browser(ELSEWHERE), 11)
    device_id, _, mac = device_cookie_of(eve).partition(".")
    stranger = await house.browser()
    for glue in ("|x", ".x", "x", "|x."):
        value = f"{device_id}{glue}.{mac}"
        stranger.http.cookies.set("__Host-kw_device", value, domain="accounts.example.com")
        problem(await stranger.login(), 429, "too_many_requests")


async def test_a_reset_leaves_no_device_known(house, ada):
    house.clock.advance(minutes=1)
    await ada.forgot()
    expect(await ada.reset((await house.outbox.last()).token), 200)
    stranger = await house.browser(ELSEWHERE)
    for _ in range(10):
        problem(await stranger.login(password=PASSWORD), 401, "invalid_credentials")
    problem(await ada.login(password=OTHER_PASSWORD), 429, "too_many_requests")


async def test_a_guess_that_was_judged_stays_counted_whatever_comes_after_it(house, ada):
    """A stranger's sign-up waits at the address: its hash is compared too, and nobody has time."""
    await (await house.browser(ELSEWHERE)).register()
    stranger = await house.browser(ELSEWHERE)
    await stranger.register()
    judged, verify = [], house.kw.passwords.verify

    async def have_time_for_one(stored: str | None, *rest: object, **more: object) -> bool:
        if len(judged) % 2:
            judged.append(None)
            raise Overloaded
        judged.append(stored)
        return await verify(stored, *rest, **more)

    house.kw.passwords.verify = have_time_for_one
    try:
        assert await fail(stranger, 11) == [503] * 10 + [429]
    finally:
        del house.kw.passwords.verify


async def test_an_attempt_that_nobody_judged_is_given_back(house, ada):
    async def overloaded(*_: object, **__: object) -> bool:
        raise Overloaded

    stranger = await house.browser(ELSEWHERE)
    await fail(stranger, 9)
    check, house.kw.passwords.verify = house.kw.passwords.verify, overloaded
    for _ in range(5):
        problem(await stranger.login(), 503, "overloaded")
    house.kw.passwords.verify = check
    assert await fail(stranger, 2) == [401, 429]


async def test_signing_in_to_a_sign_up_clears_no_failures(house, ada):
    """Else whoever signs up at an address could guess at its account without end."""
    stranger = await house.browser(ELSEWHERE)
    await stranger.register(ADA, OTHER_PASSWORD)
    tries = []
    for _ in range(6):
        tries.append((await stranger.login(ADA, OTHER_PASSWORD)).status_code)
        tries.append((await stranger.login(ADA, "a guess at hers")).status_code)
    assert tries == [403, 401] * 5 + [429, 429]


# Limits for each network


@pytest.mark.settings(rate_limits="on")
async def test_sign_ins_from_one_network_are_limited_by_default(house, ada):
    stranger = await house.browser(ELSEWHERE)
    answers = [await stranger.login(f"p{n}@example.com") for n in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].headers["ratelimit"].startswith('"login";r=0;t=')
    house.clock.advance(minutes=1)
    expect(await stranger.login(), 200)


# Records


async def test_every_sign_in_and_every_refusal_is_recorded(house, ada):
    stranger = await house.browser(ELSEWHERE)
    await stranger.login(ADA, OTHER_PASSWORD)
    page = await audit.list_for_user(house.kw.db, await id_of(house, ADA))
    (denied,) = [one for one in page.items if one.outcome is Outcome.DENIED]
    assert (denied.event, denied.ip) == (AuditEvent.SIGNED_IN, ELSEWHERE)
    assert denied.actor_id is None
    (granted,) = [
        one
        for one in page.items
        if one.event == AuditEvent.SIGNED_IN and one.outcome is Outcome.SUCCESS
    ]
    assert granted.session_id is not None
    assert granted.details == {"amr": "pwd"}


async def id_of(house: House, email: str):
    user = await users.find_by_email(house.kw.db, email)
    assert user is not None
    return user.id
