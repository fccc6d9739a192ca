"""Rules of security.md, "Browser" and "Abuse": who asks, from where, and with what."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

import httpx
import pytest
from parts.house import (
    ADA,
    API,
    BASE_URL,
    BY_PROGRAM,
    EVE,
    OTHER_PASSWORD,
    PASSWORD,
    Browser,
    House,
    Native,
    expect,
    problem,
)

from keywright.core.web.body import MAX_BODY_BYTES, MAX_JSON_DEPTH
from keywright.core.web.caller import tell_of_unknown_proxy

pytestmark = pytest.mark.anyio
EVIL, FRIEND = "https://evil.example", "https://app.example.com"
PROXY, PRIVATE = "203.0.113.200", "10.0.0.7"


@pytest.fixture
async def ada(house: House) -> Browser:
    """A browser that has every cookie, and sends no header by which its page could be told."""
    browser = await house.browser()
    await browser.join()
    await browser.sign_in_to_pages()
    del browser.http.headers["origin"], browser.http.headers["sec-fetch-site"]
    return browser


# Cross-site requests

FROM_A_PAGE_OF_OURS = [
    {"Sec-Fetch-Site": "same-origin", "Origin": BASE_URL},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": BASE_URL},
    {"Sec-Fetch-Site": "same-site", "Origin": FRIEND},
    {"Sec-Fetch-Site": "cross-site", "Origin": FRIEND},
    {"Origin": FRIEND},
    {},
]
FROM_ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "Same-Origin "},
    {"Sec-Fetch-Site": "cross-site", "Origin": EVIL},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.example.com"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": EVIL},
    {"Origin": f"{BASE_URL}.evil.example"},
    {"Origin": BASE_URL.replace("https", "http")},
    {"Origin": f"{BASE_URL}:444"},
    {"Origin": BASE_URL.upper()},
    {"Origin": f"{BASE_URL}/"},
]
JSON_LOGIN = {"json": {"email": ADA, "password": PASSWORD}}
CARRYING_OR_SETTING_A_COOKIE = [
    ("POST", "/auth/login", JSON_LOGIN),
    ("POST", "/auth/login", {"data": {"username": ADA, "password": PASSWORD}}),
    ("POST", "/auth/register", {"json": {"email": EVE, "password": OTHER_PASSWORD}}),
    ("POST", "/auth/refresh", {}),
    ("PATCH", "/users/me", {"json": {"name": "Eve was here"}}),
    ("POST", "/auth/reauthenticate", {"json": {"password": PASSWORD}}),
    ("POST", "/auth/forgot-password", {"json": {"email": ADA}}),
    ("DELETE", "/auth/sessions", {}),
    ("POST", "/auth/logout", {}),
]


@pytest.mark.settings(allowed_origins=(FRIEND,))
@pytest.mark.parametrize("headers", FROM_ELSEWHERE, ids=repr)
async def test_no_other_site_acts_with_our_cookies_or_sets_them(house, ada, headers):
    for method, path, options in CARRYING_OR_SETTING_A_COOKIE:
        answer = await ada.http.request(method, API + path, headers=headers, **options)
        problem(answer, 403, "cross_site_request")
        assert "set-cookie" not in answer.headers
    expect(await ada.get("/auth/me", headers=headers), 200)


@pytest.mark.settings(allowed_origins=(FRIEND,))
@pytest.mark.parametrize("headers", FROM_A_PAGE_OF_OURS, ids=repr)
async def test_our_own_pages_and_registered_ones_do(house, ada, headers):
    for method, path, options in CARRYING_OR_SETTING_A_COOKIE:
        answer = await ada.http.request(method, API + path, headers=headers, **options)
        assert answer.status_code < 300, (path, answer.text)


@pytest.mark.parametrize("headers", FROM_ELSEWHERE, ids=repr)
async def test_the_pages_cookie_is_held_to_the_same_on_an_applications_own_routes(
    house, ada, headers
):
    problem(await ada.http.post("/host/user", headers=headers), 403, "cross_site_request")
    expect(await ada.http.get("/host/user", headers=headers), 200)


async def test_who_shows_a_token_may_come_from_anywhere(house, ada):
    """A token is shown on purpose; no browser adds it by itself."""
    native = await house.native(Origin=EVIL, **{"Sec-Fetch-Site": "cross-site"})
    native.access_token = ada.access_token
    expect(await native.call("PATCH", "/users/me", json={"name": "Ada"}), 200)
    other = await (await house.native()).sign_in()
    native.refresh_token = other.refresh_token
    expect(await native.refresh(), 200)


async def test_a_sign_in_from_another_site_is_refused_even_without_a_cookie(house, ada):
    """Login cross-site request forgery: the victim would be signed in as somebody else."""
    body = {**JSON_LOGIN["json"], "token_transport": "body"}
    for headers in ({"Origin": EVIL}, {"Origin": EVIL, "Authorization": "Bearer x"}):
        fresh = await house.native(**headers)
        problem(await fresh.post("/auth/login", json=body), 403, "cross_site_request")


# Credentials


async def test_a_bad_token_is_not_forgiven_for_a_good_cookie(house, ada):
    expect(await ada.get("/auth/me"), 200)
    bad = {"Authorization": "Bearer not-a-token"}
    problem(await ada.get("/auth/me", headers=bad), 401, "invalid_token")


async def test_beside_an_api_key_cookies_are_ignored(house, ada):
    headers = {"X-API-Key": "kw_live_something"}
    problem(await ada.get("/auth/me", headers=headers), 401, "not_authenticated")
    answer = await ada.http.post("/host/user", headers={**headers, "Origin": EVIL})
    problem(answer, 401, "not_authenticated")


async def test_beside_a_refresh_token_in_the_body_the_cookie_is_ignored(house, ada):
    before = ada.refresh_cookie
    answer = await ada.post("/auth/refresh", json={"refresh_token": "kwr_nonsense"})
    problem(answer, 401, "session_ended")
    expect(await ada.post("/auth/logout", json={"refresh_token": "kwr_nonsense"}), 204)
    ada.show_refresh_cookie(before)
    expect(await ada.refresh(), 200)


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
async def test_an_empty_refresh_token_in_the_body_is_no_credential(house, ada, path):
    """It would switch the cross-site check off, and then leave the cookie to be used."""
    from_evil = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    answer = await ada.post(path, json={"refresh_token": ""}, headers=from_evil)
    problem(answer, 422, "invalid_input")
    expect(await ada.refresh(), 200)


async def test_two_credentials_in_one_request_are_refused(house, ada):
    both = {"X-API-Key": "kw_live_something"}
    problem(await ada.call("GET", "/auth/me", headers=both), 400, "several_credentials")


# Networks


def forwarded(*addresses: str) -> dict[str, str]:
    return {"X-Forwarded-For": ", ".join(addresses)}


async def tries(house: House, peer: str | None, headers: list[Mapping[str, str]]) -> list[int]:
    """One sign-in for each of `headers`, each at another address, from one peer."""
    client = await (house.native(peer) if peer else by_unix_socket(house))
    answers = []
    for number, header in enumerate(headers):
        body = {"email": f"p{number}@example.com", "password": PASSWORD}
        answer = await client.post("/auth/login", json=body, headers=header)
        answers.append(answer.status_code)
    return answers


UNIX_SOCKET = None
REFUSED = [401] * 5 + [429]
NOT_LIMITED = [401] * 6


async def by_unix_socket(house: House) -> Native:
    """As uvicorn hands such a request on: without a client."""
    transport = httpx.ASGITransport(house.app, client=None)
    client = httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=BY_PROGRAM)
    return Native(house, await house.clients.enter_async_context(client))


class TestLimits:
    pytestmark = pytest.mark.settings(
        rate_limits="on", trusted_proxies=(f"{PROXY}/32", "10.0.0.0/8")
    )

    async def test_a_caller_is_counted_by_what_a_trusted_proxy_says(self, house):
        headers = [forwarded(f"198.51.100.{n}") for n in range(6)]
        assert await tries(house, PROXY, headers) == NOT_LIMITED
        assert await tries(house, PROXY, [forwarded("198.51.100.9")] * 6) == REFUSED

    async def test_the_rightmost_address_that_is_no_trusted_proxy_counts(self, house):
        """What stands to its left the caller may have made up."""
        made_up = [forwarded(f"192.0.2.{n}", "198.51.100.9", "10.1.2.3") for n in range(6)]
        assert await tries(house, PROXY, made_up) == REFUSED

    async def test_several_header_lines_are_one_list(self, house):
        client = await house.client(PROXY, BY_PROGRAM)
        answers = []
        for number in range(6):
            lines = [("X-Forwarded-For", f"192.0.2.{number}"), ("X-Forwarded-For", "198.51.100.9")]
            body = {"email": f"p{number}@example.com", "password": PASSWORD}
            answer = await client.post("/api/v1/auth/login", json=body, headers=lines)
            answers.append(answer.status_code)
        assert answers == REFUSED

    async def test_nobody_else_is_believed(self, house):
        made_up = [forwarded(f"198.51.100.{n}") for n in range(6)]
        assert await tries(house, "192.0.2.77", made_up) == REFUSED

    async def test_what_is_no_address_counts_as_the_proxy(self, house):
        odd = ["unknown", "_hidden", "198.51.100.9:", "a" * 900, "1.2.3:80", ""]
        assert await tries(house, PROXY, [forwarded(one) for one in odd]) == REFUSED

    async def test_an_ipv6_caller_counts_by_its_64(self, house):
        same = [forwarded(f"2001:db8:1:2:{n:x}::1") for n in range(6)]
        assert await tries(house, PROXY, same) == REFUSED
        others = [forwarded(f"2001:db8:1:{n:x}::1") for n in range(3, 9)]
        assert await tries(house, PROXY, others) == NOT_LIMITED

    async def test_an_ipv4_caller_is_itself_in_ipv6_too(self, house):
        both = [forwarded("198.51.100.9"), forwarded("::ffff:198.51.100.9")] * 3
        assert await tries(house, PROXY, both) == REFUSED
        through = [forwarded("192.0.2.9")] * 6
        assert await tries(house, f"::ffff:{PROXY}", through) == REFUSED

    async def test_a_port_is_no_part_of_an_address(self, house):
        headers = [forwarded(f"198.51.100.{n}:4{n}") for n in range(6)]
        assert await tries(house, PROXY, headers) == NOT_LIMITED
        ports = [forwarded(f"[2001:db8::9]:4{n}", "10.1.2.3:80") for n in range(5)]
        assert await tries(house, PROXY, [*ports, forwarded("[2001:db8::9]")]) == REFUSED

    async def test_the_session_shows_the_forwarded_address(self, house, ada):
        client = await house.native(PROXY, **forwarded("192.0.2.1", "198.51.100.9"))
        await client.sign_in()
        listed = expect(await client.call("GET", "/auth/sessions"), 200).json()["items"]
        assert [one["ip"] for one in listed if one["current"]] == ["198.51.100.9"]


class TestAProxyThatNoSettingNames:
    pytestmark = pytest.mark.settings(rate_limits="on")

    @pytest.mark.parametrize("peer", [PRIVATE, "127.0.0.1", "::1", "fd00::1", "::ffff:10.0.0.7"])
    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
    async def test_limits_by_address_are_suspended_for_it(self, house, peer, header):
        """Else everybody behind it would share one limit."""
        assert await tries(house, peer, [{header: "198.51.100.9"}] * 6) == NOT_LIMITED
        assert await tries(house, peer, [{}] * 6) == REFUSED

    async def test_limits_for_each_account_stay(self, house, ada):
        client = await house.native(PRIVATE, **forwarded("198.51.100.9"))
        answers = [(await client.login(ADA, OTHER_PASSWORD)).status_code for _ in range(11)]
        assert answers == [401] * 10 + [429]

    async def test_a_public_peer_suspends_nothing(self, house):
        assert await tries(house, "8.8.4.4", [forwarded("198.51.100.9")] * 6) == REFUSED

    async def test_the_log_names_the_setting(self, house, caplog):
        tell_of_unknown_proxy.cache_clear()
        with caplog.at_level(logging.WARNING):
            await tries(house, PRIVATE, [forwarded("198.51.100.9")] * 3)
        told = [line for line in caplog.messages if "KEYWRIGHT_TRUSTED_PROXIES=10.0.0.7" in line]
        assert len(told) == 1


class TestAUnixSocket:
    """Whoever comes by it has no address: to the server, and in the log, it is `unknown`."""

    pytestmark = pytest.mark.settings(rate_limits="on")

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
    async def test_limits_by_address_are_suspended_behind_it(self, house, header):
        assert await tries(house, UNIX_SOCKET, [{header: "198.51.100.9"}] * 6) == NOT_LIMITED
        assert await tries(house, UNIX_SOCKET, [{}] * 6) == REFUSED

    @pytest.mark.settings(trusted_proxies=("10.0.0.0/8",))
    async def test_other_proxies_change_nothing_about_it(self, house):
        headers = [forwarded("198.51.100.9")] * 6
        assert await tries(house, UNIX_SOCKET, headers) == NOT_LIMITED

    @pytest.mark.settings(trusted_proxies=("unix",))
    async def test_a_proxy_behind_it_can_be_named(self, house):
        headers = [forwarded(f"198.51.100.{n}") for n in range(6)]
        assert await tries(house, UNIX_SOCKET, headers) == NOT_LIMITED
        assert await tries(house, UNIX_SOCKET, [forwarded("198.51.100.9")] * 6) == REFUSED
        assert await tries(house, "192.0.2.77", headers) == REFUSED

    async def test_the_log_names_the_setting(self, house, caplog):
        tell_of_unknown_proxy.cache_clear()
        with caplog.at_level(logging.WARNING):
            await tries(house, UNIX_SOCKET, [forwarded("198.51.100.9")] * 3)
        told = [line for line in caplog.messages if "KEYWRIGHT_TRUSTED_PROXIES=unix" in line]
        assert len(told) == 1


# Links, and other origins


async def test_links_are_built_from_the_base_url_and_never_from_the_request(house):
    hostile = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "Forwarded": "host=evil.example;proto=http",
        "X-Original-URL": "https://evil.example/",
    }
    browser = await house.browser(**hostile)
    expect(await browser.register(), 202)
    expect(await browser.forgot(), 202)
    for mail in await house.outbox.mails():
        assert "evil.example" not in mail.text + mail.html
        assert f"{BASE_URL}/verify-email?token=" in mail.text


@pytest.mark.settings(allowed_origins=(FRIEND,))
async def test_credentials_are_shared_with_registered_origins_alone(house, ada):
    for origin, allowed in ((FRIEND, FRIEND), (EVIL, None), ("null", None)):
        ask = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = await ada.http.options(f"{API}/auth/refresh", headers=ask)
        answer = await ada.get("/auth/me", headers={"Origin": origin})
        for one in (preflight, answer):
            assert one.headers.get("access-control-allow-origin") == allowed
        if allowed:
            assert answer.headers["access-control-allow-credentials"] == "true"


@pytest.mark.settings(allowed_origins=(FRIEND,))
async def test_public_documents_are_shared_with_everybody_without_credentials(house):
    browser = await house.browser()
    for origin in (FRIEND, EVIL):
        answer = await browser.http.get("/.well-known/jwks.json", headers={"Origin": origin})
        assert expect(answer, 200).headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


async def test_by_default_no_other_origin_reads_anything(house, ada):
    answer = await ada.get("/auth/me", headers={"Origin": EVIL})
    assert "access-control-allow-origin" not in answer.headers


async def test_answers_that_carry_secrets_are_stored_nowhere(house):
    browser, native = await house.browser(), await house.native()
    answers = [
        await native.register(),
        await native.verify((await house.outbox.last()).token),
        await native.login(),
        await native.refresh(),
        await native.reauthenticate(),
        await native.me(),
        await native.call("GET", "/auth/sessions"),
        await browser.login(),
        await browser.refresh(),
        await browser.login(password=OTHER_PASSWORD),
        await browser.reset("made-up"),
        await browser.logout(),
    ]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store", answer.request.url
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


# Bodies


async def send(house: House, content: bytes, kind: str = "application/json") -> httpx.Response:
    client = await house.native()
    return await client.post("/auth/login", content=content, headers={"Content-Type": kind})


async def test_a_body_over_64_kib_is_refused(house):
    padding = b" " * MAX_BODY_BYTES
    problem(await send(house, b"{}" + padding), 413, "body_too_large")
    fits = json.dumps(JSON_LOGIN["json"]).encode()
    problem(await send(house, fits + padding[len(fits) :]), 401, "invalid_credentials")


async def test_a_body_that_hides_its_length_is_refused_too(house):
    async def chunks():
        for _ in range(MAX_BODY_BYTES // 1024 + 1):
            yield b" " * 1024

    client = await house.native()
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/auth/login", content=chunks(), headers=headers)
    problem(answer, 413, "body_too_large")


async def test_json_deeper_than_20_is_refused(house):
    deep = b"[" * (MAX_JSON_DEPTH + 1) + b"]" * (MAX_JSON_DEPTH + 1)
    problem(await send(house, deep), 400, "json_too_deep")
    problem(await send(house, deep[1:-1]), 422, "invalid_input")
    hidden = b'{"email": "' + b"[" * 100 + b'", "password": "x"}'
    problem(await send(house, hidden), 401, "invalid_credentials")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"email": "a\x00b", "password": "x"}', "application/json"),
        (rb'{"email": "a\u0000b", "password": "x"}', "application/json"),
        (rb'{"email": "a\\\u0000b", "password": "x"}', "application/json"),
        (b"username=a%00b&password=x", "application/x-www-form-urlencoded"),
        (b"username=a\x00b&password=x", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_nul_byte_is_refused(house, content, kind):
    problem(await send(house, content, kind), 400, "nul_byte")


async def test_an_escaped_backslash_before_u0000_is_text(house):
    content = rb'{"email": "a\\u0000b", "password": "x"}'
    problem(await send(house, content), 401, "invalid_credentials")


async def test_a_nul_byte_in_the_address_is_refused(house, ada):
    for method, path in (("DELETE", "/auth/sessions/%00"), ("GET", "/auth/me?x=%00")):
        problem(await ada.call(method, path), 400, "nul_byte")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "application/json-patch+json", "", "*/*", "json"]
)
async def test_an_unknown_content_type_is_refused(house, kind):
    content = json.dumps(JSON_LOGIN["json"]).encode()
    problem(await send(house, content, kind), 415, "unsupported_media_type")


async def test_a_form_is_accepted_at_sign_in_alone(house):
    client = await house.native()
    form = {"email": ADA, "password": PASSWORD}
    answer = await client.post("/auth/register", data=form)
    problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("path", "field", "longest"),
    [
        ("/auth/register", "email", 320),
        ("/auth/register", "password", 1024),
        ("/auth/register", "username", 64),
        ("/auth/register", "name", 200),
        ("/auth/register", "locale", 35),
        ("/auth/login", "email", 320),
        ("/auth/login", "password", 1024),
        ("/auth/login", "scope", 1000),
        ("/auth/verify-email", "token", 512),
        ("/auth/verify-email", "registration_token", 512),
        ("/auth/forgot-password", "email", 320),
        ("/auth/reset-password", "new_password", 1024),
        ("/auth/refresh", "refresh_token", 512),
        ("/auth/password-strength", "password", 1024),
    ],
)
async def test_an_over_long_field_is_refused_by_name(house, path, field, longest):
    good = {"email": ADA, "password": PASSWORD, "token": "t", "new_password": PASSWORD}
    wanted = {
        "/auth/register": ("email", "password"),
        "/auth/login": ("email", "password"),
        "/auth/verify-email": ("token",),
        "/auth/forgot-password": ("email",),
        "/auth/reset-password": ("token", "new_password"),
    }.get(path, ())
    body = {**{name: good[name] for name in wanted}, field: "x" * (longest + 1)}
    answer = problem(await (await house.native()).post(path, json=body), 422, "invalid_input")
    assert [one["field"] for one in answer["errors"]] == [field]
    assert "x" * 20 not in json.dumps(answer)


async def test_an_unknown_field_is_refused_by_name(house):
    body = {**JSON_LOGIN["json"], "is_admin": True}
    answer = problem(
        await (await house.native()).post("/auth/login", json=body), 422, "invalid_input"
    )
    assert answer["errors"][0]["field"] == "is_admin"
