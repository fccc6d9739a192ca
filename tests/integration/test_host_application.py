"""A host application behaves as before `install`, but for what it asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from asgi_lifespan import LifespanManager
from fastapi import Depends, FastAPI
from parts.host_application import FRONT_END, Note, async_engine, build_host
from sqlalchemy.ext.asyncio import AsyncEngine

import keywright
from keywright import Keywright, Settings, User
from keywright.sqlite import configure

pytestmark = pytest.mark.anyio
BASE_URL = "http://127.0.0.1:8000"
FILE = ("paper.bin", bytes(range(256)) * 400, "application/x-paper")  # 100 KiB
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/", {}),
    ("HEAD", "/", {}),
    ("POST", "/", {}),
    ("POST", "/notes", {"json": {"text": "one"}}),
    ("POST", "/notes", {"json": {"text": "x" * 100_000, "tags": ["a"] * 3000}}),
    ("POST", "/notes", {"json": {"text": ""}}),
    ("POST", "/notes", {"json": {"text": "\x00", "tags": [[[[[[]]]]]]}}),
    ("POST", "/notes", {"json": {"text": "NUL \x00 inside"}}),
    (
        "POST",
        "/notes",
        {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}},
    ),
    ("POST", "/notes", {"content": b"text", "headers": {"content-type": "text/plain"}}),
    ("POST", "/notes", {"content": b"{", "headers": {"content-type": "application/json"}}),
    ("GET", "/notes", {}),
    ("GET", "/notes?limit=x", {}),
    ("GET", "/notes/1", {}),
    ("GET", "/notes/999", {}),
    ("DELETE", "/notes/1", {}),
    ("GET", "/notes/", {}),
    ("POST", "/files", {"files": [("files", FILE)], "data": {"title": "T"}}),
    ("POST", "/files", {"files": [("files", FILE), ("files", FILE)]}),
    ("POST", "/files", {"data": {"title": "T"}}),
    ("PUT", "/raw", {"content": b"\x00" * 300_000}),
    ("GET", "/stream", {}),
    ("GET", "/out-of-paper", {}),
    ("GET", "/broken", {}),
    ("POST", "/later", {"headers": {"cookie": "paper=white; kw_session=x"}}),
    ("POST", "/later", {"headers": {"origin": "https://evil.example", "cookie": "kw_session=x"}}),
    ("POST", "/later", {"headers": {"authorization": "Bearer nonsense", "x-api-key": "both"}}),
    ("GET", "/mounted/inside", {}),
    ("GET", "/nowhere", {}),
    ("GET", "/notes%00", {}),
    ("GET", "/docs", {}),
    ("GET", "/notes", {"headers": {"origin": FRONT_END, "accept-encoding": "gzip"}}),
    ("GET", "/notes", {"headers": {"origin": "https://evil.example"}}),
    (
        "OPTIONS",
        "/notes",
        {"headers": {"origin": FRONT_END, "access-control-request-method": "POST"}},
    ),
    (
        "OPTIONS",
        "/notes",
        {"headers": {"origin": FRONT_END, "access-control-request-method": "DELETE"}},
    ),
]


def make_keywright(tmp_path: Path, url: str, **options: Any) -> Keywright:
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=url, argon2_memory_kib=8)
    return Keywright(settings, **options)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with LifespanManager(app) as manager:
        transport = httpx.ASGITransport(manager.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            yield client


async def observe(app: FastAPI) -> dict[str, Any]:
    """Everything that can be seen from outside, and what its lifespan did."""
    seen: dict[str, Any] = {}
    async with running(app) as client:
        for number, (method, path, options) in enumerate(REQUESTS):
            answer = await client.request(method, path, **options)
            seen[f"{number} {method} {path}"] = told(answer)
        seen["openapi"] = (await client.get("/openapi.json")).json()
    seen["life"] = list(app.state.life)
    return seen


def told(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    return answer.status_code, sorted(answer.headers.multi_items()), answer.content


@pytest.fixture
async def both(tmp_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same requests, without Keywright and with it."""
    url = f"sqlite:///{tmp_path / 'without.db'}"
    engine = async_engine(url)
    without = await observe(build_host(engine))
    await engine.dispose()
    url = f"sqlite:///{tmp_path / 'with.db'}"
    engine = async_engine(url)
    configure(engine)
    with_keywright = await observe(build_host(engine, make_keywright(tmp_path, url).install))
    await engine.dispose()
    return without, with_keywright


async def test_every_answer_is_what_it_was_before(both):
    without, with_keywright = both
    for name, answer in without.items():
        if name != "openapi":
            assert with_keywright[name] == answer, name
    assert without["life"] == ["started", *["later"] * 3, "stopped"]
    statuses = {answer[0] for name, answer in without.items() if name[0].isdigit()}
    assert statuses >= {200, 201, 202, 400, 404, 405, 500, 507}


async def test_the_hosts_own_part_of_openapi_is_what_it_was_before(both):
    before, after = (seen["openapi"] for seen in both)
    assert after["info"] == before["info"]
    assert {path: after["paths"][path] for path in before["paths"]} == before["paths"]
    schemas = before["components"]["schemas"]
    assert {name: after["components"]["schemas"][name] for name in schemas} == schemas
    assert set(after["paths"]) > set(before["paths"])


# What a host asks for


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'host.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = async_engine(database_url)
    if database_url.startswith("sqlite"):
        configure(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def host(
    database_url: str, engine: AsyncEngine, tmp_path: Path
) -> AsyncIterator[tuple[Keywright, httpx.AsyncClient]]:
    kw = make_keywright(tmp_path, database_url)
    app = build_host(engine, kw.install)

    @app.post("/my-files", status_code=201)
    async def keep(note: str, user: User = Depends(kw.user())) -> str:
        async with engine.begin() as connection:
            await connection.execute(sa.insert(Note).values(text=note, owner_id=user.id))
        return user.email

    async with running(app) as client:
        yield kw, client


PASSWORD = "correct horse battery"


async def sign_in(client: httpx.AsyncClient, email: str) -> dict[str, str]:
    answer = await client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


async def owners(engine: AsyncEngine) -> list[UUID | None]:
    async with engine.connect() as connection:
        return list(await connection.scalars(sa.select(Note.owner_id).order_by(Note.id)))


async def test_a_hosts_rows_point_at_a_user(host, engine):
    kw, client = host
    eve = await kw.create_user("eve@example.com", password=PASSWORD)
    kept = await client.post("/my-files?note=hers", headers=await sign_in(client, eve.email))
    assert kept.status_code == 201
    assert await owners(engine) == [eve.id]
    with pytest.raises(sa.exc.IntegrityError):
        async with engine.begin() as connection:
            await connection.execute(sa.insert(Note).values(text="x", owner_id=UUID(int=1)))


async def test_a_hosts_rows_stay_when_the_account_becomes_a_tombstone(host, engine):
    kw, client = host
    eve = await kw.create_user("eve@example.com", password=PASSWORD)
    await kw.create_user("ada@example.com", password=PASSWORD, roles=["admin"])
    await client.post("/my-files?note=hers", headers=await sign_in(client, eve.email))
    admin = await sign_in(client, "ada@example.com")
    assert (await client.delete(f"/api/v1/users/{eve.id}", headers=admin)).status_code == 204
    assert await owners(engine) == [eve.id]


async def test_a_hosts_rows_go_with_the_users_row(host, engine):
    kw, client = host
    eve = await kw.create_user("eve@example.com", password=PASSWORD)
    await client.post("/my-files?note=hers", headers=await sign_in(client, eve.email))
    async with engine.begin() as connection:
        users = keywright.tables.users
        await connection.execute(sa.delete(users).where(users.c.id == eve.id))
    assert await owners(engine) == []


async def test_errors_of_its_own_routes_keep_their_shape_while_ours_are_problems(host):
    _, client = host
    refused = await client.post("/my-files?note=x")
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    assert refused.headers["x-signed-by"] == "notes hello"
    ours = await client.post("/api/v1/auth/login", json={})
    assert (ours.status_code, ours.json()["code"]) == (422, "invalid_input")
    assert (await client.get("/notes?limit=x")).json() == {"oops": ["limit"]}
