from __future__ import annotations

import logging

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from keywright.core.log import FIELDS
from keywright.core.settings import Settings
from keywright.server.access_log import AccessLog

pytestmark = pytest.mark.anyio


async def fine(request):
    return PlainTextResponse("fine")


async def down(request):
    return PlainTextResponse("down", 503)


async def broken(request):
    raise RuntimeError


@pytest.fixture
def log(caplog):
    """The lines so far, each with its fields."""
    caplog.set_level(logging.INFO, "keywright.access")
    return lambda: [getattr(record, FIELDS) for record in caplog.records]


@pytest.fixture
async def client():
    routes = [
        Route("/fine/{name}", fine),
        Route("/broken", broken),
        Route("/system/health/live", fine),
        Route("/system/health/ready", down),
    ]
    settings = Settings(_env_file=None, trusted_proxies=("127.0.0.1",))
    app = AccessLog(Starlette(routes=routes), settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://kw") as client:
        yield client


async def test_a_line_says_who_asked_for_what_and_how_it_went(client, log):
    await client.get("/fine/x?token=secret", headers={"X-Forwarded-For": "203.0.113.7"})
    (line,) = log()
    assert (line["event"], line["method"], line["path"]) == ("request", "GET", "/fine/x")
    assert (line["status"], line["ip"]) == (200, "203.0.113.7")
    assert line["request_id"].startswith("req_")
    assert line["ms"] >= 0


async def test_a_request_that_breaks_is_a_500(client, log):
    await client.get("/broken")
    assert [line["status"] for line in log()] == [500]


async def test_probes_are_logged_only_when_something_is_down(client, log):
    await client.get("/system/health/live")
    assert log() == []
    await client.get("/system/health/ready")
    assert [line["status"] for line in log()] == [503]


async def test_no_path_begins_a_line_of_its_own(client, caplog, log):
    await client.get("/fine/a%0Aforged")
    assert log()[0]["path"] == "/fine/a\nforged"
    assert "\n" not in caplog.records[0].getMessage()
