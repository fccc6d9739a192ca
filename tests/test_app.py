"""The standalone application around its Keywright."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from keywright import Keywright, Settings
from keywright.app import served, standalone
from keywright.core.errors import ConfigurationError
from keywright.core.web.front_door import FrontDoor, PlainRoutes
from keywright.testing import KeywrightUnderTest

pytestmark = pytest.mark.anyio
FRONT_END, EVIL = "http://127.0.0.1:3000", "https://evil.example"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=y"}
AS_JSON = {"Content-Type": "application/json"}
PREFLIGHT = {"Access-Control-Request-Method": "GET"}


@pytest.fixture
def keywright_instance(tmp_path: Path, request: pytest.FixtureRequest) -> Keywright:
    settings = getattr(request, "param", {})
    return Keywright(Settings(_env_file=None, data_dir=tmp_path, **settings))


@pytest.fixture
async def client(kw: KeywrightUnderTest) -> AsyncIterator[httpx.AsyncClient]:
    async with kw.client(standalone(kw.keywright)) as client:
        yield client


@pytest.mark.parametrize("keywright_instance", [{"allowed_origins": (FRONT_END,)}], indirect=True)
async def test_a_registered_front_end_may_read_when_to_come_back(client):
    answer = await client.get("/api/v1/auth/me", headers={"Origin": FRONT_END})
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-ID"} <= set(exposed)
    elsewhere = await client.get("/api/v1/auth/me", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in elsewhere.headers


# The front door

ASKED = [
    ("GET", "/api/v1/auth/me", {}),
    ("GET", "/api/v1/auth/me", {"headers": {"Authorization": "Bearer nonsense"}}),
    ("GET", "/api/v1/auth/me?x=%00", {}),
    ("HEAD", "/api/v1/auth/me", {}),
    ("DELETE", "/api/v1/auth/me", {}),
    ("GET", "/api/v1/users/me", {"headers": {"Accept": "text/html"}}),
    ("GET", "/.well-known/jwks.json", {}),
    ("GET", "/.well-known/jwks.json", {"headers": {"Origin": "https://evil.example"}}),
    ("GET", "/api/v1/auth/me", {"headers": {"Origin": FRONT_END}}),
    ("OPTIONS", "/api/v1/auth/me", {"headers": {"Origin": FRONT_END, **PREFLIGHT}}),
    ("POST", "/api/v1/auth/login", {"json": {"email": "ada@example.com", "password": "wrong"}}),
    ("POST", "/api/v1/auth/login", {"content": b"{", "headers": AS_JSON}),
    ("POST", "/api/v1/auth/login", {"content": b"{}", "headers": {**AS_JSON, "Origin": EVIL}}),
    ("POST", "/api/v1/auth/login", {"content": b"x" * 100_000, "headers": AS_JSON}),
    ("POST", "/api/v1/auth/login", {"content": b"--x", "headers": MULTIPART}),
    ("POST", "/api/v1/auth/login", {"data": {"username": "ada"}}),
    ("POST", "/api/v1/auth/refresh", {"json": {"refresh_token": "kwr_nonsense"}}),
    ("POST", "/api/v1/auth/logout", {}),
    ("GET", "/nowhere", {}),
]


@pytest.mark.parametrize(
    "keywright_instance", [{}, {"allowed_origins": (FRONT_END,)}], indirect=True
)
async def test_nothing_depends_on_which_way_a_request_took(kw):
    short, long = served(kw.keywright), standalone(kw.keywright)
    async with kw.client(short) as one, kw.client(long) as other:
        for signed_in in (False, True):
            for method, path, options in ASKED:
                answers = [await client.request(method, path, **options) for client in (one, other)]
                assert described(answers[0]) == described(answers[1]), (method, path, options)
            if not signed_in:
                user = await kw.sign_in(one)
                other.headers["Authorization"] = one.headers["Authorization"]
                assert (await one.get("/api/v1/auth/me")).json()["email"] == user.email


@pytest.mark.parametrize(("method", "path", "options"), ASKED)
async def test_no_answer_says_a_thing_twice(client, method, path, options):
    answer = await client.request(method, path, **options)
    names = [name for name, _ in answer.headers.multi_items() if name != "set-cookie"]
    assert len(names) == len(set(names)), names


def described(answer: httpx.Response) -> tuple[int, dict[str, str], object]:
    """But for what is made anew each time."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    body = answer.json() if answer.content and "json" in headers["content-type"] else answer.text
    if isinstance(body, dict):
        body.pop("request_id", None)
    return answer.status_code, headers, body


async def test_the_door_knows_what_is_asked_all_the_time(kw):
    assert isinstance(served(kw.keywright), FrontDoor)
    plain = PlainRoutes(kw.keywright.routes.routes)
    for method, path in (
        ("GET", "/.well-known/jwks.json"),
        ("POST", "/api/v1/auth/login"),
        ("GET", "/api/v1/auth/me"),
        ("POST", "/api/v1/auth/refresh"),
    ):
        assert plain.have({"type": "http", "method": method, "path": path}), path
    assert not plain.have({"type": "http", "method": "GET", "path": "/api/v1/auth/login"})


@pytest.mark.parametrize("keywright_instance", [{}, {"api_prefix": "/"}], indirect=True)
@pytest.mark.parametrize("path", ["/nowhere", "/account/nowhere"])
async def test_a_browser_sees_a_page_where_there_is_nothing(client, path):
    page = await client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    problem = await client.get(path, headers={"Accept": "application/json"})
    assert problem.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("prefix", ["api", "api/", "/a b", "/a?b", "/{tenant}", "/a//b", "/.."])
def test_a_prefix_that_is_none_is_refused_in_a_sentence(tmp_path, prefix):
    kw: Keywright = Keywright(Settings(_env_file=None, data_dir=tmp_path))
    with pytest.raises(ConfigurationError, match="as in /api/v1"):
        kw.install(FastAPI(), prefix=prefix)


@pytest.mark.parametrize(("prefix", "path"), [("/", "/auth/me"), ("/id/", "/id/auth/me")])
async def test_a_prefix_may_end_in_a_slash(kw, prefix, path):
    app = FastAPI()
    kw.keywright.install(app, prefix=prefix)
    async with kw.client(app) as client:
        assert (await client.get(path)).status_code == 401
