"""One router with all routes of ours, in an application that has routes of its own."""

from __future__ import annotations

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import Match

from keywright.core.web.routes import Routes

pytestmark = pytest.mark.anyio


def ours() -> Routes:
    people, cars = APIRouter(prefix="/people", tags=["people"]), APIRouter(prefix="/cars")
    people.get("/me")(lambda: "me")
    people.patch("/me")(lambda: "me, changed")

    @people.get("/{name}")
    async def read(name: str) -> str:
        return name

    @people.delete("/{name}", status_code=204)
    async def delete(name: str) -> None: ...

    cars.get("")(lambda: "cars")
    return Routes([people, cars])


def application() -> FastAPI:
    app = FastAPI(title="theirs")
    app.get("/before")(lambda: "before")
    app.include_router(ours())
    app.get("/after")(lambda: "after")
    app.get("/people/me/after")(lambda: "after me")
    return app


@pytest.fixture(params=["", "/mounted"])
async def client(request: pytest.FixtureRequest):
    app = application()
    outer = app
    if request.param:
        outer = FastAPI()
        outer.mount(request.param, app)
    base_url = f"http://kw{request.param}"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url=base_url) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/before", 200, "before"),
        ("GET", "/after", 200, "after"),
        ("GET", "/people/me", 200, "me"),
        ("PATCH", "/people/me", 200, "me, changed"),
        ("GET", "/people/ada", 200, "ada"),
        ("GET", "/people/me/after", 200, "after me"),
        ("GET", "/cars", 200, "cars"),
    ],
)
async def test_each_request_finds_its_route(client, method, path, status, body):
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/people/me", 405),
        ("DELETE", "/people/me", 204),  # a name like another
        ("POST", "/people/ada", 405),
        ("GET", "/people", 404),
        ("GET", "/people/ada/cars", 404),
        ("GET", "/peopl", 404),
    ],
)
async def test_what_none_takes_is_answered_as_by_starlette(client, method, path, status):
    assert (await client.request(method, path)).status_code == status


def test_a_path_of_somebody_elses_tries_no_route_of_ours(monkeypatch):
    routes = ours()
    for route in routes.routes:
        monkeypatch.setattr(route, "matches", lambda _: pytest.fail("was tried"))
    scope = {"type": "http", "method": "GET", "path": "/notes/1", "root_path": ""}
    assert routes.matches(scope)[0] is Match.NONE
    assert routes.matches({**scope, "type": "websocket"})[0] is Match.NONE


def test_openapi_describes_them_all():
    document = application().openapi()
    assert list(document["paths"]) == [
        "/before",
        "/people/me",
        "/people/{name}",
        "/cars",
        "/after",
        "/people/me/after",
    ]
    assert document["paths"]["/people/me"]["get"]["tags"] == ["people"]
