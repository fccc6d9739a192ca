"""Addresses and methods that no route takes, and parameters that no route understands."""

from __future__ import annotations

import re
from urllib.parse import quote

import httpx
import pytest
from parts.bad_input import EMOJI
from parts.house import API, BY_PROGRAM, HOME, House
from parts.operations import MARKER, OPERATIONS, Operation, complaint, every_operation

from keywright.core.web.problem import PROBLEM_JSON

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("house_url", ["sqlite"], indirect=True),
]

LONG = MARKER * 834
METHODS = ("HEAD", "OPTIONS", "GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW")
PAGES = ("/", "/sign-in", "/sign-up", "/sign-out", "/verify-email", "/forgot-password")
PAGES += ("/reset-password", "/account", "/dev/mail")


def methods_at(url: str) -> set[str]:
    """`/users/me` is also a `/users/{user_id}`, with an id that is none."""
    patterns = [(re.sub(r"\{\w+\}", "[^/]+", one.path), one.method) for one in OPERATIONS]
    return {method for pattern, method in patterns if re.fullmatch(pattern, url)}


@pytest.fixture
async def client(house: House) -> httpx.AsyncClient:
    client = await house.client(HOME, BY_PROGRAM)
    await house.under_test.sign_in(client, email="grace@example.com", roles=["admin"])
    return client


@pytest.mark.parametrize(
    "path",
    [
        f"{API}/{MARKER}",
        f"{API}/auth",
        f"{API}/auth/",
        f"{API}/auth/login/",
        f"{API}/auth//login",
        f"{API}/auth/LOGIN",
        f"{API}/auth/login%00",
        f"{API}/auth/log%01in",
        f"{API}/auth/..%2f..%2fetc/{MARKER}",
        f"{API}/{LONG}",
        f"{API}/{quote(EMOJI)}",
        f"{API}/%ff%fe{MARKER}",
        f"{API}/auth/sessions/{MARKER}/x",
        "/api/v2/auth/login",
        f"/{MARKER}",
        f"/.well-known/{MARKER}",
        "/system",
        "/system/health/",
        f"//{MARKER}.example/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_address_that_nobody_has_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, f"https://accounts.example.com{path}")
    assert complaint(answer, ["not_found"]) is None
    assert answer.headers["cache-control"] == "no-store"


@every_operation
async def test_methods_that_an_address_does_not_take_are_a_problem(
    client: httpx.AsyncClient, operation: Operation
) -> None:
    for method in METHODS:
        if method not in methods_at(operation.url()):
            answer = await client.request(method, operation.url())
            assert answer.status_code == 405, method
            assert answer.headers["content-type"] == PROBLEM_JSON
            assert set(answer.headers["allow"].split(", ")) == methods_at(operation.url())
            if method != "HEAD":  # which has no body
                assert complaint(answer, ["method_not_allowed"]) is None, method


@every_operation
async def test_a_path_parameter_that_is_none_is_a_problem(
    client: httpx.AsyncClient, operation: Operation
) -> None:
    for one in operation.parameters_in("path"):
        for value in ("0", "-1", MARKER, LONG, quote(EMOJI), "%ff", "{}", f"{MARKER}%2f.."):
            answer = await client.request(operation.method, operation.url(**{one["name"]: value}))
            assert complaint(answer, ["invalid_input", "not_found"]) is None, value
        answer = await client.request(operation.method, operation.url(**{one["name"]: "%00"}))
        assert complaint(answer, ["nul_byte"]) is None


@every_operation
async def test_a_query_parameter_that_is_none_is_a_problem(
    client: httpx.AsyncClient, operation: Operation
) -> None:
    for one in operation.parameters_in("query"):
        name, schema = one["name"], one["schema"]
        kinds = [kind for kind in schema.get("anyOf", [schema]) if kind["type"] != "null"]
        wrong = [LONG]
        if kinds[0]["type"] != "string" or kinds[0].keys() & {"format", "enum"}:
            wrong += [MARKER, quote(EMOJI), "1e400", "9" * 5000, "-1", "%ff", "[]"]
        for value in wrong:
            answer = await client.request(operation.method, f"{operation.url()}?{name}={value}")
            assert complaint(answer, ["invalid_input"], field=name) is None, value


@every_operation
async def test_a_nul_in_a_query_is_a_problem(
    client: httpx.AsyncClient, operation: Operation
) -> None:
    for query in ("x=%00", "%00=x", "a=b&c=%00&d", "limit=1%00"):
        answer = await client.request(operation.method, f"{operation.url()}?{query}")
        assert complaint(answer, ["nul_byte"]) is None, query


@pytest.mark.parametrize("path", PAGES)
async def test_pages_explain_bad_input_and_never_fail(house: House, path: str) -> None:
    client = await house.client("127.0.0.1", BY_PROGRAM)
    client.base_url = httpx.URL("http://127.0.0.1")
    form = {"content-type": "application/x-www-form-urlencoded"}
    for query in ("", f"?token={LONG}", "?return_to=//evil.example", "?token=%ff%00", "?token=%ff"):
        for method in METHODS:
            for body in (b"", LONG.encode(), b"token=%00", b"token=%ff", b"a=1&" * 5000, b"\xff"):
                answer = await client.request(method, path + query, content=body, headers=form)
                assert answer.status_code < 500, (method, query, body[:20], answer.text)


async def test_a_browser_gets_a_page_for_an_address_that_nobody_has(house: House) -> None:
    browser = await house.browser()
    answer = await browser.http.get(f"/{MARKER}", headers={"accept": "text/html,*/*"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert MARKER not in answer.text


async def test_a_trailing_slash_is_not_answered_by_a_redirect_to_the_host_header(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(f"{API}/auth/login/", headers={"host": "evil.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers
