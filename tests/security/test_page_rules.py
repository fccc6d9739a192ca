"""security.md, "Browser", "Tokens" and "Mailed and shown secrets", as the hosted pages keep them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from parts.visitor import ADA, ANOTHER_PASSWORD, PASSWORD, Page, Visitor, quick_settings, serving

from keywright.core.crypto import MasterSecrets
from keywright.core.settings import Settings
from keywright.pages import form_token

pytestmark = pytest.mark.anyio

EXPIRED = "Please send this again"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return quick_settings(tmp_path)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    async with serving(settings) as app:
        yield app


@pytest.fixture
def visitor(app: FastAPI, settings: Settings) -> Visitor:
    return Visitor(app, settings)


@pytest.fixture
def stranger(app: FastAPI, settings: Settings) -> Visitor:
    return Visitor(app, settings)


async def signed_in(visitor: Visitor, email: str = ADA, password: str = PASSWORD) -> Visitor:
    await visitor.register(email, password)
    await visitor.sign_in(email, password)
    return visitor


async def reset_link(visitor: Visitor, *, count: int = 1) -> str:
    await visitor.submit(await visitor.open("/forgot-password"), email=ADA)
    return await visitor.mailed_link("Reset", count=count)


# Forms


@pytest.mark.parametrize("token", ["", "x", "x.00", "nonce.zz", "é.é", "a" * 10_000])
async def test_a_form_without_our_token_is_shown_again_and_changes_nothing(
    visitor: Visitor, token: str
) -> None:
    await visitor.register()
    page = await visitor.open("/sign-in")
    refused = await visitor.submit(page, email=ADA, password=PASSWORD, form_token=token)
    assert (refused.status, refused.heading) == (403, "Sign in")
    assert EXPIRED in refused.problem
    assert "kw_session" not in visitor.cookies
    again = await visitor.submit(refused, password=PASSWORD)
    assert again.path == "/account"


async def test_a_form_token_of_another_browser_is_refused(
    visitor: Visitor, stranger: Visitor
) -> None:
    await visitor.register()
    token = (await stranger.open("/sign-in")).form().fields["form_token"]
    page = await visitor.open("/sign-in")
    refused = await visitor.submit(page, email=ADA, password=PASSWORD, form_token=token)
    assert EXPIRED in refused.problem


async def test_a_form_that_acts_for_a_session_takes_that_sessions_token_alone(
    visitor: Visitor, stranger: Visitor
) -> None:
    ada = await signed_in(visitor)
    bob = await signed_in(stranger, "bob@example.test", ANOTHER_PASSWORD)
    before_sign_in = (await ada.open("/forgot-password")).form().fields["form_token"]
    bobs = (await bob.open("/account")).form().fields["form_token"]
    for token in (before_sign_in, bobs):
        for path, fields in (
            ("/account/sessions", {"session": "others"}),
            ("/account/password", {"current_password": PASSWORD, "new_password": ANOTHER_PASSWORD}),
            ("/sign-out", {}),
        ):
            refused = await ada.send(path, {**fields, "form_token": token})
            assert (refused.status, EXPIRED in refused.problem) == (403, True), path
    assert (await ada.open("/account")).path == "/account"


def test_no_cookie_that_a_browser_invents_stands_for_a_session() -> None:
    """What is signed has a fixed shape: `y|session|1` as a cookie signs nothing of session 1."""
    secrets = MasterSecrets("a master secret of this very test")
    nonce, mac = form_token.issue(secrets, "browser|y|session|1").split(".")
    form_token.require_own(secrets, f"{nonce}.{mac}", "browser|y|session|1")
    with pytest.raises(form_token.FormExpired):
        form_token.require_own(secrets, f"{nonce}|browser|y.{mac}", "session|1")


async def test_a_form_cookie_that_is_not_ours_is_replaced(visitor: Visitor) -> None:
    for value in ("y|session|1", '"a\\012b"', "é", "a b"):
        cookie = {"Cookie": f"kw_form={value}".encode("latin-1")}
        answer = await visitor.client.get("/sign-in", headers=cookie)
        assert answer.cookies["kw_form"].isalnum()


async def test_every_form_refuses_to_work_without_its_token(visitor: Visitor) -> None:
    await signed_in(visitor)
    for path in (
        "/sign-in",
        "/sign-up",
        "/sign-out",
        "/forgot-password",
        "/verify-email/resend",
        "/account/sessions",
        "/account/password",
    ):
        page = await visitor.send(path, {"email": ADA, "password": PASSWORD, "session": "others"})
        assert (page.status, EXPIRED in page.problem) == (403, True), path
    link = await reset_link(visitor)
    token = link.partition("=")[2]
    page = await visitor.send("/reset-password", {"token": token, "new_password": ANOTHER_PASSWORD})
    assert (page.status, EXPIRED in page.problem) == (403, True)
    await visitor.submit(await visitor.open("/sign-out"))
    await visitor.sign_up("bob@example.test")
    token = (await visitor.mailed_link("Confirm", to="bob@example.test")).partition("=")[2]
    page = await visitor.send("/verify-email", {"token": token})
    assert (page.status, EXPIRED in page.problem) == (403, True)


CROSS_SITE: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8001"},
]


@pytest.mark.parametrize("headers", CROSS_SITE)
async def test_another_site_cannot_send_our_forms(
    visitor: Visitor, headers: dict[str, str]
) -> None:
    await signed_in(visitor)
    account = await visitor.open("/account")
    fields = account.form().fields | {"session": "others"}
    for path in ("/account/sessions", "/sign-out", "/sign-in", "/sign-up", "/forgot-password"):
        page = await visitor.send(path, fields, headers)
        assert (page.status, page.heading) == (403, "This request came from another site")
    assert (await visitor.open("/account")).path == "/account"


@pytest.mark.parametrize("credential", ["Basic YTpi", "Bearer x", ""])
async def test_an_authorization_header_lets_no_other_site_in(
    visitor: Visitor, credential: str
) -> None:
    """A browser adds `Basic` by itself; elsewhere an explicit credential excuses from the check."""
    await signed_in(visitor)
    fields = (await visitor.open("/sign-out")).form().fields
    for name in ("Authorization", "X-API-Key"):
        evil = {"Origin": "https://evil.example", name: credential}
        page = await visitor.send("/sign-out", fields, evil)
        assert (page.status, page.heading) == (403, "This request came from another site")


async def test_a_password_typed_into_a_form_is_never_shown_again(visitor: Visitor) -> None:
    await visitor.register()
    typed = "Very!Secret-typed password 99"
    wrong = await visitor.sign_in(password=typed)
    up = await visitor.submit(await visitor.open("/sign-up"), email="nonsense", password=typed)
    forgotten = await visitor.open(await reset_link(visitor))
    reset = await visitor.submit(forgotten, new_password=typed, form_token="x")
    await visitor.sign_in()
    change = await visitor.submit(
        await visitor.open("/account/password"), current_password=typed, new_password=typed + "!"
    )
    for page in (wrong, up, reset, change):
        assert page.status in {401, 403, 422}
        assert "typed password" not in page.html


# Sessions and cookies


async def test_signing_in_never_adopts_a_session_that_was_planted(
    visitor: Visitor, stranger: Visitor
) -> None:
    """Session fixation: neither an invented value nor the attacker's own session becomes Ada's."""
    await stranger.register()
    attacker = await signed_in(visitor, "mallory@example.test", ANOTHER_PASSWORD)
    planted = attacker.cookies["kw_session"]
    for value in ("invented", planted):
        page = await stranger.open("/sign-in")
        stranger.client.cookies.set("kw_session", value, domain="127.0.0.1")
        await stranger.submit(page, email=ADA, password=PASSWORD)
        assert stranger.cookies["kw_session"] not in {value, planted}
        await stranger.submit(await stranger.open("/sign-out"))
    assert ADA not in (await attacker.open("/account")).text


async def test_signing_in_again_ends_the_session_that_the_browser_had(visitor: Visitor) -> None:
    await visitor.register()
    second = await visitor.open("/sign-in")
    await visitor.sign_in()
    earlier = visitor.cookies["kw_session"]
    await visitor.submit(second, email=ADA, password=PASSWORD)
    visitor.client.cookies.set("kw_session", earlier, domain="127.0.0.1")
    assert (await visitor.open("/account")).path == "/sign-in"


async def test_signing_up_ends_the_session_that_the_browser_had(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, require_verification=False)
    async with serving(settings) as app:
        visitor = Visitor(app, settings)
        form = await visitor.open("/sign-up")
        await visitor.submit(form, email=ADA, password=PASSWORD)
        earlier = visitor.cookies["kw_session"]
        page = await visitor.submit(form, email="bob@example.test", password=ANOTHER_PASSWORD)
        assert (page.path, visitor.cookies["kw_session"] == earlier) == ("/account", False)
        visitor.client.cookies.set("kw_session", earlier, domain="127.0.0.1")
        assert (await visitor.open("/account")).path == "/sign-in"


async def test_an_access_token_opens_no_page(visitor: Visitor) -> None:
    await visitor.register()
    credentials = {"email": ADA, "password": PASSWORD, "token_transport": "body"}
    tokens = (await visitor.client.post("/api/v1/auth/login", json=credentials)).json()
    bearer = f"Bearer {tokens['access_token']}"
    assert (await visitor.open("/account", Authorization=bearer)).path == "/sign-in"
    visitor.client.cookies.set("kw_session", tokens["refresh_token"], domain="127.0.0.1")
    assert (await visitor.open("/account")).path == "/sign-in"


async def test_a_proxys_password_does_not_shut_the_page_cookie_out(visitor: Visitor) -> None:
    await signed_in(visitor)
    page = await visitor.open("/account", Authorization="Basic YTpi")
    assert (page.path, page.status) == ("/account", 200)


async def test_an_unknown_address_and_a_wrong_password_answer_alike(visitor: Visitor) -> None:
    await visitor.register()
    answers = []
    for email in (ADA, "nobody@example.test"):
        page = await visitor.sign_in(email=email, password="something else 77")
        varying = rf"{re.escape(email)}|(?<=name=\"form_token\" value=\")[^\"]+"
        headers = set(page.response.headers) - {"x-request-id"}
        answers.append((page.status, headers, re.sub(varying, "", page.html)))
    assert answers[0] == answers[1]


async def test_sign_up_and_reset_answer_alike_for_any_address(
    visitor: Visitor, stranger: Visitor
) -> None:
    await visitor.register()
    for path in ("/sign-up", "/forgot-password", "/verify-email"):
        answers = []
        for email in (ADA, "nobody@example.test"):
            form = await stranger.open(path)
            page = await stranger.submit(form, email=email, password=ANOTHER_PASSWORD)
            varying = rf"{re.escape(email)}|(?<=name=\"form_token\" value=\")[^\"]+"
            set_cookies = [
                one.partition("=")[0] for one in page.response.headers.get_list("set-cookie")
            ]
            answers.append((page.status, set_cookies, re.sub(varying, "", page.html)))
        assert answers[0] == answers[1], path
    assert (await visitor.sign_in(password=ANOTHER_PASSWORD)).path == "/sign-in"


async def test_only_our_own_sentences_are_announced(visitor: Visitor) -> None:
    for value in ("Your account is closed, call 555", "signed_out2", "", "__class__"):
        visitor.client.cookies.set("kw_announcement", value, domain="127.0.0.1")
        assert (await visitor.open("/sign-in")).announcement == ""


# Where the pages send a browser


EVIL = [
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "HTTP://127.0.0.1:8000/account",
    "http://127.0.0.1:8000@evil.example",
    "http://ada@127.0.0.1:8000/",
    "http://127.0.0.1:8000%2eevil.example",
    "/%2e%2e/account",
    "javascript:alert(1)",
    "/\t/evil.example",
]


@pytest.mark.parametrize("return_to", EVIL)
async def test_a_return_elsewhere_is_explained_and_never_followed(
    visitor: Visitor, return_to: str
) -> None:
    await visitor.register()

    def assert_explained(page: Page) -> None:
        assert page.elsewhere is None
        assert (page.status, page.path[:6]) == (400, "/sign-")
        assert page.heading == "This link leads somewhere that we do not know"

    query = str(visitor.client.build_request("GET", "/x", params={"return_to": return_to}).url)
    query = query.partition("?")[2]
    for path in ("/sign-in", "/sign-up"):
        assert_explained(await visitor.open(f"{path}?{query}"))
        form = await visitor.open(path)
        filled = {"email": ADA, "password": PASSWORD, "return_to": return_to}
        assert_explained(await visitor.submit(form, **filled))
    assert "kw_session" not in visitor.cookies
    await visitor.sign_in()
    assert_explained(await visitor.open(f"/sign-in?{query}"))


# Mailed links


async def test_looking_at_a_mailed_link_changes_nothing(
    visitor: Visitor, stranger: Visitor
) -> None:
    """Mail scanners open links, with GET or HEAD, from anywhere, several times."""
    await visitor.sign_up()
    confirm = await visitor.mailed_link("Confirm")

    async def scan(link: str) -> None:
        for browser in (stranger, visitor):
            for method in ("GET", "HEAD", "GET"):
                assert (await browser.client.request(method, link)).status_code == 200

    await scan(confirm)
    assert (await visitor.sign_in()).status == 403
    await visitor.submit(await visitor.open(confirm))
    reset = await reset_link(visitor)
    await visitor.sign_in()
    await scan(reset)
    assert (await visitor.open("/account")).path == "/account"
    done = await stranger.submit(await stranger.open(reset), new_password=ANOTHER_PASSWORD)
    assert done.announcement == "Your new password is set. Sign in with it."


async def test_a_link_works_once(visitor: Visitor) -> None:
    await visitor.register()
    page = await visitor.open(await reset_link(visitor))
    await visitor.submit(page, new_password=ANOTHER_PASSWORD)
    again = await visitor.submit(page, new_password="third harbour lantern 43")
    assert again.heading == "This link does not work any more"
    assert (await visitor.sign_in(password=ANOTHER_PASSWORD)).path == "/account"


async def test_a_sign_up_by_somebody_else_gains_nothing_when_the_owner_confirms(
    visitor: Visitor, stranger: Visitor
) -> None:
    """Mallory signs up with Ada's address; Ada opens the link in her own browser."""
    await stranger.sign_up(password=ANOTHER_PASSWORD)
    page = await visitor.open(await visitor.mailed_link("Confirm"))
    page = await visitor.submit(page)
    assert (page.status, page.path) == (409, "/verify-email")
    await visitor.submit(page, new_password=PASSWORD)
    assert (await stranger.sign_in(password=ANOTHER_PASSWORD)).status == 401
    assert (await visitor.sign_in(password=PASSWORD)).path == "/account"


async def test_a_reset_never_signs_in(visitor: Visitor) -> None:
    await visitor.register()
    page = await visitor.open(await reset_link(visitor))
    await visitor.submit(page, new_password=ANOTHER_PASSWORD)
    assert "kw_session" not in visitor.cookies


async def test_a_mailed_token_stays_in_its_form_and_goes_to_no_other_site(
    visitor: Visitor,
) -> None:
    await visitor.register()
    link = await reset_link(visitor)
    token = link.partition("=")[2]
    page = await visitor.open(link)
    assert page.response.headers["referrer-policy"] == "same-origin"
    assert page.response.headers["cache-control"] == "no-store"
    assert page.html.count(token) == 1
    assert page.form().fields["token"] == token
    outside = [
        one.attributes[name]
        for one in page.document.elements
        for name in ("href", "src", "action")
        if name in one.attributes and not one.attributes[name].startswith(("/", "data:,"))
    ]
    assert outside == []
    refused = await visitor.submit(page, new_password="password1")
    assert (refused.path, refused.form().fields["token"]) == ("/reset-password", token)


async def test_the_pages_may_run_nothing_and_stand_in_no_frame(visitor: Visitor) -> None:
    policy = (await visitor.open("/sign-in")).response.headers["content-security-policy"]
    assert {one.strip() for one in policy.split(";")} == {
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    }


async def test_limits_hold_for_the_pages_too(tmp_path: Path) -> None:
    async def attempts(path: str, **fields: Any) -> Page:
        form = await visitor.open(path)
        for _ in range(11):
            page = await visitor.submit(form, **fields)
            if page.status == 429:
                break
        return page

    settings = quick_settings(tmp_path, rate_limits="on")
    async with serving(settings) as app:
        visitor = Visitor(app, settings)
        for path, fields in (
            ("/sign-in", {"email": ADA, "password": PASSWORD}),
            ("/sign-up", {"email": ADA, "password": PASSWORD}),
            ("/forgot-password", {"email": ADA}),
            ("/verify-email", {"email": ADA}),
        ):
            page = await attempts(path, **fields)
            assert page.status == 429, path
            assert re.search(r"wait \d+ seconds", page.problem)
            assert int(page.response.headers["retry-after"]) > 0
