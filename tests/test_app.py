"""The standalone application around its Keywright."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from keywright import Keywright, Settings
from keywright.app import standalone
from keywright.core.errors import ConfigurationError
from keywright.testing import KeywrightUnderTest

pytestmark = pytest.mark.anyio
FRONT_END = "http://127.0.0.1:3000"


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
