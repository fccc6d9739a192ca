"""Rules of security.md, "Tokens, sessions, grants" and "Factors and freshness": sessions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from parts.house import (
    ADA,
    EVE,
    OTHER_PASSWORD,
    PAGE_COOKIE,
    PASSWORD,
    REFRESH_COOKIE,
    Browser,
    House,
    Native,
    claims_of,
    expect,
    problem,
)
from parts.outages import eventually

from keywright.accounts.users import service as users
from keywright.accounts.users.table import roles
from keywright.core.crypto import MasterSecrets
from keywright.core.db import Statement
from keywright.core.hashing import sha256
from keywright.core.ids import created_at, new_id
from keywright.flows.administer_users import disable_user
from keywright.flows.administrators import Actor
from keywright.protocol.access_token import ACCESS_TOKEN_TYPE
from keywright.sessions.models import Session
from keywright.sessions.refresh_token import (
    SALT_BYTES,
    RefreshToken,
    write_refresh_token,
)
from keywright.sessions.table import sessions

pytestmark = pytest.mark.anyio
EVERY_SESSION = Statement(sa.select(*(sessions.c[n] for n in Session.__struct_fields__)), Session)


@pytest.fixture
async def ada(house: House) -> Native:
    native = await house.native()
    await native.join()
    return native


@pytest.fixture
async def browser(house: House, ada: Native) -> Browser:
    browser = await house.browser()
    await browser.sign_in()
    return browser


def secrets_of(house: House) -> MasterSecrets:
    return house.kw.secrets


# One credential in the place of another


async def test_a_page_cookie_refreshes_nothing(house, ada):
    page = await house.browser()
    secret = await page.sign_in_to_pages()
    expect(await page.get("/auth/me"), 200)
    page.show_refresh_cookie(secret)
    problem(await page.refresh(), 401, "session_ended")
    ada.refresh_token = secret
    problem(await ada.refresh(), 401, "session_ended")


async def test_a_refresh_token_opens_no_page(house, browser):
    browser.show_page_cookie(browser.refresh_cookie)
    problem(await browser.get("/auth/me"), 401, "not_authenticated")


async def test_a_page_session_has_no_refresh_family_even_for_who_can_write_its_token(house, ada):
    page = await house.browser()
    await page.sign_in_to_pages()
    session = next(one for one in await house.db.many(EVERY_SESSION) if one.page_digest)
    for salt in (bytes(SALT_BYTES), session.page_digest[:SALT_BYTES]):
        forged = RefreshToken(session.id, session.refresh_generation, salt)
        ada.refresh_token = write_refresh_token(secrets_of(house), forged)
        problem(await ada.refresh(), 401, "session_ended")


async def test_each_kind_of_token_is_refused_where_another_is_wanted(house, ada):
    await ada.forgot()
    reset = (await house.outbox.last()).token
    page = await (await house.browser()).sign_in_to_pages()
    eve = await house.native()
    await eve.register(EVE)
    verify = (await house.outbox.last(EVE)).token
    every = {  # a reset ends the other tokens of its account, so it comes last
        "access": ada.access_token,
        "refresh": ada.refresh_token,
        "verify": verify,
        "registration": eve.registration_token,
        "page": page,
        "reset": reset,
    }
    for kind, token in every.items():
        stranger = await house.native()
        stranger.access_token = stranger.refresh_token = token
        verifying = {"json": {"token": token, "new_password": OTHER_PASSWORD}}
        places = {
            "access": await stranger.me(),
            "refresh": await stranger.refresh(),
            "verify": await stranger.post("/auth/verify-email", **verifying),
            "reset": await stranger.reset(token),
        }
        let_in = {place for place, answer in places.items() if answer.status_code == 200}
        assert let_in == places.keys() & {kind}, kind


async def test_a_token_without_a_session_opens_no_route_of_the_account(house, ada):
    """As a client of our own provider may get one: signed by us, and for our own audience."""
    claims = {name: value for name, value in claims_of(ada.access_token).items() if name != "sid"}
    ada.access_token = house.kw.keys.sign(claims, typ=ACCESS_TOKEN_TYPE)
    problem(await ada.me(), 401, "invalid_token")
    problem(await ada.call("GET", "/auth/sessions"), 401, "invalid_token")


# Opening


async def test_every_sign_in_makes_a_new_session(house, browser):
    before = {one.id for one in await house.db.many(EVERY_SESSION)}
    first = browser.refresh_cookie
    await browser.sign_in()
    after = {one.id for one in await house.db.many(EVERY_SESSION)}
    assert len(after - before) == 1
    assert browser.refresh_cookie != first


async def test_a_page_cookie_that_was_planted_is_never_signed_in(house, ada):
    """Session fixation: signing in never adopts what the browser brought along."""
    page = await house.browser()
    page.show_page_cookie("planted-by-eve-000000000000000000000000000000")
    assert await page.sign_in_to_pages() != "planted-by-eve-000000000000000000000000000000"
    page.show_page_cookie("planted-by-eve-000000000000000000000000000000")
    problem(await page.get("/auth/me"), 401, "not_authenticated")


async def test_the_page_cookie_is_stored_as_a_digest(house, ada):
    secret = await (await house.browser()).sign_in_to_pages()
    (stored,) = [one for one in await house.db.many(EVERY_SESSION) if one.page_digest]
    assert secret not in repr(stored)
    assert stored.page_digest == sha256(secret)


async def test_stepping_up_replaces_the_page_cookie_and_keeps_the_session(house, ada):
    page = await house.browser()
    old = await page.sign_in_to_pages()
    request = page.http.build_request("GET", "/")
    assert request.headers["cookie"] == f"{PAGE_COOKIE}={old}"
    me = expect(await page.get("/auth/sessions"), 200).json()
    (current,) = [one["id"] for one in me["items"] if one["current"]]
    answer = expect(await page.post("/auth/reauthenticate", json={"password": PASSWORD}), 200)
    assert PAGE_COOKIE in answer.cookies
    assert answer.cookies[PAGE_COOKIE] != old
    me = expect(await page.get("/auth/sessions"), 200).json()
    assert [one["id"] for one in me["items"] if one["current"]] == [current]
    page.show_page_cookie(old)
    problem(await page.get("/auth/me"), 401, "not_authenticated")


@pytest.mark.settings(max_sessions=3)
async def test_an_account_has_no_more_sessions_than_the_setting_says(house, ada):
    for _ in range(3):
        await (await house.native()).sign_in()
        await (await house.browser()).sign_in_to_pages()
        house.clock.advance(minutes=1)
    assert await house.count(sessions) == 3


async def test_the_refresh_cookie_goes_to_our_sign_in_routes_alone_and_to_no_script(house, ada):
    page = await house.browser()
    (cookie,) = [
        line
        for line in (await page.login()).headers.get_list("set-cookie")
        if line.startswith(REFRESH_COOKIE)
    ]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite=lax", "path=/api/v1/auth"} <= attributes
    assert not any(one.startswith("domain") for one in attributes)


# Ending


async def test_a_revoked_session_stops_at_once_where_it_was_revoked(house, ada):
    expect(await ada.me(), 200)
    other = await (await house.native()).sign_in()
    expect(await other.call("DELETE", "/auth/sessions"), 200)
    problem(await ada.me(), 401, "session_ended")


async def test_a_revoked_session_stops_within_5_s_in_another_process(
    postgres_house_url, builder, tmp_path
):
    async with (
        builder.build(postgres_house_url, tmp_path) as here,
        builder.build(postgres_house_url, tmp_path) as there,
    ):
        ada = await here.native()
        await ada.join()
        same = await there.native()
        same.access_token = ada.access_token
        expect(await same.me(), 200)
        expect(await ada.logout(), 204)

        async def refused() -> bool:
            return (await same.me()).status_code == 401

        await eventually(refused, within=5)
        problem(await same.me(), 401, "session_ended")


async def test_a_disabled_person_is_out_at_once(house, ada):
    page = await house.browser()
    await page.sign_in_to_pages()
    expect(await ada.me(), 200)
    await disable_user(house.kw, await only_user(house), Actor())
    problem(await ada.me(), 401, "session_ended")
    problem(await ada.refresh(), 401, "session_ended")
    problem(await ada.login(), 401, "invalid_credentials")
    assert (await page.get("/auth/me")).status_code == 401


async def only_user(house: House):
    user = await users.find_by_email(house.kw.db, ADA)
    assert user is not None
    return user.id


async def test_a_person_disabled_behind_our_back_is_out_when_next_read(house, ada):
    """In another process, before any notice came: the account's own row says it."""
    async with house.db.transaction() as tx:
        await users.disable(tx, await only_user(house), house.clock.now())
    problem(await ada.me(), 401, "session_ended")


async def test_a_person_disabled_behind_our_back_refreshes_nothing(house, ada):
    async with house.db.transaction() as tx:
        await users.disable(tx, await only_user(house), house.clock.now())
    problem(await ada.refresh(), 401, "session_ended")


async def test_a_page_cookie_of_a_person_disabled_behind_our_back_opens_nothing(house, ada):
    page = await house.browser()
    await page.sign_in_to_pages()
    async with house.db.transaction() as tx:
        await users.disable(tx, await only_user(house), house.clock.now())
    assert (await page.get("/auth/me")).status_code == 401


async def test_checks_by_signature_alone_go_on_until_the_token_expires(house, ada):
    """`kw.claims()` says so in its first line."""
    headers = {"Authorization": f"Bearer {ada.access_token}"}
    await ada.logout()
    expect(await ada.http.get("/host/claims", headers=headers), 200)
    problem(await ada.http.get("/host/user", headers=headers), 401, "session_ended")
    house.clock.advance(minutes=15)
    problem(await ada.http.get("/host/claims", headers=headers), 401, "token_expired")


async def test_only_an_ended_session_is_answered_as_one(house, ada):
    """Clients sign a person out on this code alone."""
    for broken, code in [("x.y.z", "invalid_token"), ("", "not_authenticated")]:
        headers = {"Authorization": f"Bearer {broken}"}
        problem(await ada.get("/auth/me", headers=headers), 401, code)


# Freshness


async def asks_for_fresh(visitor: Native) -> int:
    headers = {"Authorization": f"Bearer {visitor.access_token}"}
    answer = await visitor.http.get("/host/fresh", headers=headers)
    if answer.status_code == 401:
        problem(answer, 401, "reauthentication_required")
        challenge = 'Bearer error="insufficient_user_authentication", max_age=600'
        assert answer.headers["www-authenticate"] == challenge
    return answer.status_code


async def test_what_needs_freshness_refuses_an_old_sign_in(house, ada):
    assert await asks_for_fresh(ada) == 200
    house.clock.advance(seconds=600)
    assert await asks_for_fresh(ada) == 200
    house.clock.advance(seconds=1)
    assert await asks_for_fresh(ada) == 401


async def test_a_refresh_makes_nothing_fresh(house, ada):
    house.clock.advance(seconds=601)
    expect(await ada.refresh(), 200)
    assert await asks_for_fresh(ada) == 401


async def test_the_session_decides_freshness_and_not_the_token(house, ada):
    old_token = ada.access_token
    house.clock.advance(seconds=601)
    claims = claims_of(old_token) | {"auth_time": int(house.clock.now().timestamp())}
    ada.access_token = house.kw.keys.sign(claims, typ=ACCESS_TOKEN_TYPE)
    assert await asks_for_fresh(ada) == 401
    ada.access_token = old_token
    expect(await ada.reauthenticate(), 200)
    ada.access_token = old_token
    assert await asks_for_fresh(ada) == 200


async def test_proving_oneself_again_makes_a_narrowed_session_no_wider(house, ada):
    """Not even where nothing is left of what it was narrowed to."""
    granted = {name: sa.bindparam(name) for name in roles.columns.keys()}  # noqa: SIM118 - no dict: iterating gives columns
    await house.db.run(
        Statement(sa.insert(roles).values(granted)),
        user_id=UUID(claims_of(ada.access_token)["sub"]),
        role="admin",
        source="",
        granted_at=house.clock.now(),
    )
    expect(await ada.login(scope="users:read"), 200)
    await house.db.run(Statement(sa.delete(roles)))
    expect(await ada.reauthenticate(), 200)
    assert claims_of(ada.access_token)["scope"] == "users:read"


async def test_a_session_that_is_gone_is_never_fresh(house, ada):
    async with house.db.transaction() as tx:
        await tx.run(Statement(sa.delete(sessions)))
    assert await asks_for_fresh(ada) == 401


async def test_proving_oneself_again_in_a_session_that_is_gone_gives_nothing(house, ada):
    async with house.db.transaction() as tx:
        await tx.run(Statement(sa.delete(sessions)))
    problem(await ada.reauthenticate(), 401, "session_ended")


async def test_a_password_changed_while_the_old_one_was_checked_makes_nothing_fresh(house, ada):
    """The change keeps this very session, so that it alone would not stop whoever shares it."""
    house.clock.advance(seconds=601)
    check = house.kw.passwords.verify

    async def verify(*arguments: object, **options: object) -> bool:
        good = await check(*arguments, **options)
        house.kw.passwords.verify = check
        expect(await ada.change_password(), 200)
        return good

    house.kw.passwords.verify = verify
    problem(await ada.reauthenticate(), 401, "invalid_credentials")
    assert await asks_for_fresh(ada) == 401


async def test_wrong_tries_to_prove_oneself_again_are_counted(house, ada):
    for _ in range(10):
        problem(await ada.reauthenticate("not the password"), 401, "invalid_credentials")
    problem(await ada.reauthenticate(), 429, "too_many_requests")
    house.clock.advance(minutes=1)
    expect(await ada.reauthenticate(), 200)


def test_a_session_id_says_when_the_session_began() -> None:
    """What a revocation of the whole account is compared with."""
    now = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    assert timedelta() <= now - created_at(new_id(now)) < timedelta(milliseconds=1)
