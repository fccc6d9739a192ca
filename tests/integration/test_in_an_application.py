"""`Keywright` in somebody's FastAPI application (api.md, "In a FastAPI app")."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from asgi_lifespan import LifespanManager
from fastapi import Depends, FastAPI
from pydantic import BaseModel, Field

from keywright import (
    Keywright,
    KeywrightError,
    Principal,
    Settings,
    User,
    UserCreated,
    UserDeleted,
    UserUpdated,
)
from keywright.core.db import Statement
from keywright.core.db.sqlite import SqliteDatabase
from keywright.core.web.require import UserRequired
from keywright.tables import users
from keywright.testing import KeywrightUnderTest

pytestmark = pytest.mark.anyio
BASE_URL = "http://127.0.0.1:8000"
API = "/api/v1"
ADA = "ada@example.com"
PASSWORD = "correct horse battery"
REGISTRATION = {"email": ADA, "password": PASSWORD}
Maker = Callable[..., KeywrightUnderTest]


@pytest.fixture
def make(tmp_path: Path, kw_database_image: bytes) -> Maker:
    """A Keywright of its own, with its own database in memory."""

    def make_one(name: str = "one", *, base_url: str = "", **options: Any) -> KeywrightUnderTest:
        given = {"base_url": base_url} if base_url else {}
        settings = Settings(_env_file=None, data_dir=tmp_path / name, **given)
        database = SqliteDatabase(image=kw_database_image)
        return KeywrightUnderTest(Keywright(settings, **options), database)

    return make_one


@pytest.fixture
def kw(make: Maker) -> KeywrightUnderTest:
    return make()


def who_am_i(kw: Keywright) -> FastAPI:
    app = FastAPI()

    @app.get("/me")
    async def me(user: User = Depends(kw.user())) -> User:
        return user

    return app


def schemes(app: FastAPI) -> dict[str, Any]:
    found: dict[str, Any] = app.openapi()["components"]["securitySchemes"]
    return found


async def register(kw: KeywrightUnderTest, client: httpx.AsyncClient, **fields: Any) -> None:
    answer = await client.post(f"{API}/auth/register", json=REGISTRATION | fields)
    assert answer.status_code == 202, answer.text
    token = (await kw.outbox.last(ADA)).token
    verified = await client.post(f"{API}/auth/verify-email", json={"token": token})
    assert verified.status_code == 200, verified.text


# Mounted in a sub-application


async def test_mounted_without_a_lifespan_it_says_what_to_do(kw):
    inner, outer = FastAPI(), FastAPI()
    kw.keywright.install(inner)
    outer.mount("/accounts", inner)
    transport = httpx.ASGITransport(outer)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        for method, path in (("GET", "/users/me"), ("POST", "/auth/login")):
            answer = await client.request(method, f"/accounts{API}{path}")
            assert answer.status_code == 503
            assert "enter `kw.lifespan()` in the outer application's lifespan" in answer.text


async def test_mounted_with_its_lifespan_it_works(tmp_path):
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path,
        base_url=f"{BASE_URL}/accounts",
        argon2_memory_kib=8,
    )
    kw: Keywright = Keywright(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with kw.lifespan():
            yield

    inner, outer = who_am_i(kw), FastAPI(lifespan=lifespan)
    kw.install(inner)
    outer.mount("/accounts", inner)
    async with LifespanManager(outer) as manager:
        transport = httpx.ASGITransport(manager.app)
        async with httpx.AsyncClient(transport=transport, base_url=settings.base_url) as client:
            await kw.create_user(ADA, password=PASSWORD)
            flow = schemes(inner)["KeywrightBearer"]["flows"]["password"]
            form = {"username": ADA, "password": PASSWORD}
            signed_in = await client.post(BASE_URL + flow["tokenUrl"], data=form)
            assert signed_in.status_code == 200
            assert (await client.post(f"{API}/auth/refresh")).status_code == 200
            client.headers["authorization"] = f"Bearer {signed_in.json()['access_token']}"
            assert (await client.get("/me")).json()["email"] == ADA


async def test_the_api_may_have_another_prefix(kw):
    app = who_am_i(kw.keywright)
    kw.keywright.install(app, prefix="/identity")
    login = "/identity/auth/login"
    assert schemes(app)["KeywrightBearer"]["flows"]["password"]["tokenUrl"] == login
    async with kw.client(app) as client:
        await kw.create_user(ADA, password=PASSWORD)
        assert (await client.post(login, json=REGISTRATION)).status_code == 200
        assert (await client.post("/identity/auth/refresh")).status_code == 200


# Two in one process


async def test_two_keywrights_share_nothing(make):
    one, two = make("one", permissions={"user": ["draw"]}), make("two")
    heard = []

    @one.keywright.hooks.after(UserCreated)
    async def hear(event: UserCreated) -> None:
        heard.append(event.email)

    apps = [who_am_i(kw.keywright) for kw in (one, two)]
    for kw, app in zip((one, two), apps, strict=True):
        kw.keywright.install(app)
    async with one.client(apps[0]) as first, two.client(apps[1]) as second:
        await register(two, second)
        assert await one.outbox.mails() == []
        assert heard == []
        await one.sign_in(first)
        await two.sign_in(second)
        for client, token_of in ((first, second), (second, first)):
            theirs = token_of.headers["authorization"]
            refused = await client.get("/me", headers={"authorization": theirs})
            assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
            assert (await client.get("/me")).status_code == 200
    assert one.keywright.user() != two.keywright.user()
    assert not two.keywright.context.roles.of(["user"])


async def test_two_keywrights_work_in_one_application(make):
    one, two = make("one"), make("two")
    app = FastAPI()
    one.keywright.install(app, prefix="/one", include={"auth", "users"})
    two.keywright.install(app, prefix="/two", include={"auth", "users"})
    async with one.client(app) as first, two.client(app) as second:
        await one.sign_in(first)
        await two.sign_in(second)
        assert (await first.get("/one/users/me")).status_code == 200
        assert (await first.get("/two/users/me")).status_code == 401
        assert (await second.get("/two/users/me")).status_code == 200


async def test_two_keywrights_in_one_application_are_told_apart_in_its_docs(make):
    one, two = make("one").keywright, make("two").keywright
    app = FastAPI()
    for path, kw in (("/one/mine", one), ("/two/mine", two)):
        app.get(path, dependencies=[Depends(kw.user(scopes=["draw"]))])(lambda: None)
    one.install(app, prefix="/one", include={"auth"})
    two.install(app, prefix="/two", include={"auth"})
    described = app.openapi()
    found = described["components"]["securitySchemes"]
    logins = {
        name: scheme["flows"]["password"] for name, scheme in found.items() if "flows" in scheme
    }
    assert {name: flow["tokenUrl"] for name, flow in logins.items()} == {
        "KeywrightBearer": "/one/auth/login",
        "KeywrightBearer2": "/two/auth/login",
    }
    assert [flow["scopes"] for flow in logins.values()] == [{"draw": ""}] * 2
    assert ways_in(described, "/one/mine") == {"KeywrightBearer", "KeywrightCookie"}
    for path in ("/two/mine", "/two/auth/me", "/two/auth/logout", "/two/auth/verify-email"):
        assert ways_in(described, path) == {"KeywrightBearer2", "KeywrightCookie2"}, path


def ways_in(described: dict[str, Any], path: str) -> set[str]:
    return {
        name
        for operation in described["paths"][path].values()
        for way in operation["security"]
        for name in way
    }


def test_two_applications_each_have_a_first_keywright(make):
    for name in ("one", "two"):
        kw = make(name).keywright
        app = who_am_i(kw)
        kw.install(app, prefix=f"/{name}")
        assert set(schemes(app)) == {"KeywrightBearer", "KeywrightCookie"}


# Requirements


async def test_a_requirement_can_be_overridden_in_tests(kw):
    app = who_am_i(kw.keywright)
    kw.keywright.install(app)
    async with kw.client(app) as client:
        ada = await kw.create_user(ADA)
        app.dependency_overrides[kw.keywright.user()] = lambda: ada
        assert (await client.get("/me")).json()["email"] == ADA


async def test_equal_requirements_are_evaluated_once_a_request(kw, monkeypatch):
    app, user, checks = FastAPI(), kw.keywright.user, []
    check = UserRequired.check

    async def counted(self: UserRequired, request: Any) -> Principal:
        checks.append(self.scopes)
        return await check(self, request)

    monkeypatch.setattr(UserRequired, "check", counted)

    def shelf(owner: User = Depends(user(scopes=["draw"]))) -> UUID:
        return owner.id

    @app.get("/", dependencies=[Depends(user(scopes=["draw"]))])
    async def read(
        owner: UUID = Depends(shelf),
        asking: User = Depends(user(scopes=["draw"])),
        anybody: User = Depends(user()),
    ) -> bool:
        return owner == asking.id == anybody.id

    kw.keywright.install(app)
    async with kw.client(app) as client:
        await kw.sign_in(client, roles=["admin"])
        assert (await client.get("/")).json() is True
    assert sorted(checks) == [(), ("draw",)]


def test_requirements_are_values(kw):
    user = kw.keywright.user
    assert user(scopes=["a"]) == user(scopes=["a"])
    assert len({user(), user(), user(verified=True), user(role="admin")}) == 3
    assert kw.keywright.superuser() == user(role="admin")
    assert kw.keywright.require_scopes("a") == kw.keywright.principal(scopes=["a"])


async def test_each_requirement_lets_in_whom_it_names(kw):
    app, keywright = FastAPI(), kw.keywright
    requirements = {
        "/user": keywright.user(),
        "/verified": keywright.user(verified=True),
        "/fresh": keywright.user(fresh=True),
        "/superuser": keywright.superuser(),
        "/moderator": keywright.require_role("moderator"),
        "/scope": keywright.require_scopes("users:read"),
        "/principal": keywright.principal(),
        "/claims": keywright.claims(),
        "/optional": keywright.optional_user(),
    }
    for path, requirement in requirements.items():
        app.get(path, dependencies=[Depends(requirement)])(lambda: None)
    keywright.install(app)
    async with kw.client(app) as client:

        async def let_in() -> set[str]:
            return {path for path in requirements if (await client.get(path)).is_success}

        assert await let_in() == {"/optional"}
        await kw.sign_in(client, email="new@example.com", verified=False)
        simple = {"/user", "/fresh", "/principal", "/claims", "/optional"}
        assert await let_in() == simple
        await kw.sign_in(client, email=ADA)
        assert await let_in() == simple | {"/verified"}
        kw.clock.advance(minutes=11)
        assert await let_in() == (simple | {"/verified"}) - {"/fresh"}
        await kw.sign_in(client, email=ADA, roles=["moderator"])
        assert await let_in() == simple | {"/verified", "/moderator", "/scope"}
        await kw.sign_in(client, email=ADA, roles=["admin"])
        assert await let_in() == set(requirements)


# Hooks

EMAILS = Statement(
    sa.select(users.c.email).order_by(users.c.email),
    row=msgspec.defstruct("Email", [("email", str)], frozen=True),
)


class NotToday(KeywrightError):
    status, code, detail = 409, "not_today", "Nobody joins on a Sunday."


async def emails(kw: KeywrightUnderTest) -> list[str]:
    return [row.email for row in await kw.keywright.context.db.many(EMAILS)]


async def test_what_an_on_hook_raises_rolls_everything_back(kw):
    app = FastAPI()
    kw.keywright.install(app)
    open_days: list[str] = []

    @kw.keywright.hooks.on(UserCreated)
    async def only_on_open_days(event: UserCreated, tx: Any) -> None:
        assert [row.email for row in await tx.many(EMAILS)] == [ADA]
        if not open_days:
            raise NotToday

    async with kw.client(app) as client:
        await client.post(f"{API}/auth/register", json=REGISTRATION)
        token = (await kw.outbox.last(ADA)).token
        refused = await client.post(f"{API}/auth/verify-email", json={"token": token})
        assert (refused.status_code, refused.json()["code"]) == (409, "not_today")
        assert await emails(kw) == []
        open_days.append("Monday")
        again = await client.post(f"{API}/auth/verify-email", json={"token": token})
        assert again.status_code == 200
        assert await emails(kw) == [ADA]


async def test_an_after_hook_runs_after_the_commit(kw):
    app = FastAPI()
    kw.keywright.install(app)
    heard = []

    @kw.keywright.hooks.after(UserCreated)
    async def greet(event: UserCreated) -> None:
        heard.append((event.email, await emails(kw)))

    async with kw.client(app) as client:
        await register(kw, client)
        await kw.outbox.mails()
    assert heard == [(ADA, [ADA])]


async def test_hooks_hear_what_administrators_do(kw):
    app = FastAPI()
    kw.keywright.install(app)
    heard: list[str] = []
    for event_type in (UserCreated, UserUpdated, UserDeleted):

        @kw.keywright.hooks.on(event_type)
        async def hear(event: Any, tx: Any) -> None:
            heard.append(event.name)

    async with kw.client(app) as client:
        await kw.sign_in(client, roles=["admin"])
        eve = await client.post(f"{API}/users", json={"email": "eve@example.com"})
        path = f"{API}/users/{eve.json()['id']}"
        await client.patch(path, json={"name": "Eve"})
        await client.put(f"{path}/roles", json={"roles": ["moderator"]})
        await client.delete(path)
    assert heard == ["user.created", "user.updated", "user.updated", "user.deleted"]


# Fields of the application's own


class Profile(BaseModel):
    company: str = Field(min_length=2)
    newsletter: bool = False


@pytest.fixture
def with_profile(make: Maker) -> tuple[KeywrightUnderTest, FastAPI]:
    kw = make(profile=Profile)
    app = FastAPI()

    @app.get("/company")
    async def company(user: User[Profile] = Depends(kw.keywright.user())) -> str:
        return user.profile.company

    @app.get("/whole")
    async def whole(user: User[Profile] = Depends(kw.keywright.user())) -> User[Profile]:
        return user

    kw.keywright.install(app)
    return kw, app


async def test_profile_fields_are_validated_at_register_and_typed_in_routes(with_profile):
    kw, app = with_profile
    async with kw.client(app) as client:
        refused = await client.post(f"{API}/auth/register", json=REGISTRATION)
        assert (refused.status_code, field(refused)) == (422, "profile.company")
        wrong = REGISTRATION | {"profile": {"company": "X", "newsletter": "maybe"}}
        refused = await client.post(f"{API}/auth/register", json=wrong)
        assert (refused.status_code, field(refused)) == (422, "profile.company")
        await register(kw, client, profile={"company": "ACME"})
        await kw.sign_in(client, email=ADA)
        assert (await client.get("/company")).json() == "ACME"
        profile = {"company": "ACME", "newsletter": False}
        assert (await client.get("/whole")).json()["profile"] == profile
        assert (await client.get(f"{API}/users/me")).json()["profile"] == profile


async def test_profile_fields_are_validated_when_they_change(with_profile):
    kw, app = with_profile
    async with kw.client(app) as client:
        await kw.sign_in(client, profile={"company": "ACME"})
        refused = await client.patch(f"{API}/users/me", json={"profile": {"company": ""}})
        assert (refused.status_code, field(refused)) == (422, "profile.company")
        changed = await client.patch(f"{API}/users/me", json={"profile": {"company": "Initech"}})
        assert changed.json()["profile"] == {"company": "Initech", "newsletter": False}
        assert (await client.get("/company")).json() == "Initech"


def field(refused: httpx.Response) -> str:
    name: str = refused.json()["errors"][0]["field"]
    return name
