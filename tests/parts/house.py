"""A whole Keywright in this process, on either database, and the people who use it.

`house` runs each test on SQLite and on PostgreSQL. A test names the settings that it wants:
`@pytest.mark.settings(require_verification=False)`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from fastapi import Depends, FastAPI

from keywright.app import standalone
from keywright.core.clock import ManualClock
from keywright.core.context import Context
from keywright.core.db import Statement, open_database
from keywright.core.principal import Claims, User
from keywright.core.settings import Settings
from keywright.core.web.caller import Caller
from keywright.flows.sign_in import SignInForm, sign_in_for_pages
from keywright.integration import Keywright
from keywright.migrations import upgrade
from keywright.protocol import base64url
from keywright.tables import metadata
from keywright.testing import KeywrightUnderTest, Outbox
from parts.postgres import PostgresServer, execute, run_apart
from parts.watched import WatchedDatabase

BASE_URL = "https://accounts.example.com"
API = "/api/v1"
ADA, EVE = "ada@example.com", "eve@example.com"
PASSWORD = "correct horse battery"
OTHER_PASSWORD = "seven purple walnuts"
HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
BY_BROWSER = {"Origin": BASE_URL, "Sec-Fetch-Site": "same-origin", "User-Agent": FIREFOX}
BY_PROGRAM = {"User-Agent": "DesktopPro/3.1 python-httpx"}
PAGE_COOKIE, REFRESH_COOKIE = "__Host-kw_session", "__Secure-kw_refresh"
CALLER = Caller(HOME, HOME, FIREFOX, "req_test")
SECRET_KEY = "the master secret of the house under test"
EMPTY_ALL = ";".join(f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables))
Template = Callable[[str, Callable[[str], None]], str]


class Visitor:
    """Somebody at the API. `post` and `get` carry cookies alone, `call` the access token too."""

    transport = "cookie"

    def __init__(self, house: House, http: httpx.AsyncClient) -> None:
        self.house = house
        self.http = http
        self.access_token: str | None = None
        self.refresh_token: str | None = None
        self.registration_token: str | None = None

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.http.get(API + path, **options)

    async def post(self, path: str, **options: Any) -> httpx.Response:
        return await self.http.post(API + path, **options)

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.access_token}", **options.pop("headers", {})}
        return await self.http.request(method, API + path, headers=headers, **options)

    async def register(
        self, email: str = ADA, password: str = PASSWORD, **fields: Any
    ) -> httpx.Response:
        return self.keep(
            await self.post(
                "/auth/register", json=self.asking(email=email, password=password, **fields)
            )
        )

    async def verify(self, token: str, **fields: Any) -> httpx.Response:
        if self.registration_token is not None:
            fields.setdefault("registration_token", self.registration_token)
        ask = partial(self.call, "POST") if self.access_token else self.post
        return await ask("/auth/verify-email", json={"token": token, **fields})

    async def login(
        self, email: str = ADA, password: str = PASSWORD, **fields: Any
    ) -> httpx.Response:
        return self.keep(
            await self.post(
                "/auth/login", json=self.asking(email=email, password=password, **fields)
            )
        )

    async def refresh(self, **options: Any) -> httpx.Response:
        return self.keep(await self.post("/auth/refresh", **self.carrying(options)))

    async def logout(self, **options: Any) -> httpx.Response:
        return await self.post("/auth/logout", **self.carrying(options))

    async def me(self) -> httpx.Response:
        return await self.call("GET", "/auth/me")

    async def forgot(self, email: str = ADA) -> httpx.Response:
        return await self.post("/auth/forgot-password", json={"email": email})

    async def resend(self, email: str = ADA) -> httpx.Response:
        return await self.post("/auth/resend-verification", json={"email": email})

    async def reset(self, token: str, new_password: str = OTHER_PASSWORD) -> httpx.Response:
        body = {"token": token, "new_password": new_password}
        return await self.post("/auth/reset-password", json=body)

    async def change_password(
        self, current: str = PASSWORD, new: str = OTHER_PASSWORD
    ) -> httpx.Response:
        body = {"current_password": current, "new_password": new}
        return await self.call("POST", "/auth/change-password", json=body)

    async def reauthenticate(self, password: str = PASSWORD) -> httpx.Response:
        return self.keep(
            await self.call("POST", "/auth/reauthenticate", json={"password": password})
        )

    async def join(self, email: str = ADA, password: str = PASSWORD, **fields: Any) -> Visitor:
        """The whole way in: sign up, open the mailed link, sign in."""
        expect(await self.register(email, password, **fields), 202)
        expect(await self.verify((await self.house.outbox.last(email)).token), 200)
        return await self.sign_in(email, password)

    async def sign_in(self, email: str = ADA, password: str = PASSWORD) -> Visitor:
        expect(await self.login(email, password), 200)
        return self

    def keep(self, response: httpx.Response) -> httpx.Response:
        """What a client remembers of an answer."""
        answer = response.json()
        for name in ("access_token", "refresh_token", "registration_token"):
            if name in answer:
                setattr(self, name, answer[name])
        return response

    def asking(self, **body: Any) -> dict[str, Any]:
        return body

    def carrying(self, options: dict[str, Any]) -> dict[str, Any]:
        return options


class Browser(Visitor):
    @property
    def refresh_cookie(self) -> str | None:
        return self.http.cookies.get(REFRESH_COOKIE)

    @property
    def presented(self) -> str | None:
        return self.refresh_cookie

    async def sign_in_to_pages(self, email: str = ADA, password: str = PASSWORD) -> str:
        """As the hosted pages do it; the value of their cookie."""
        form = SignInForm(email, password)
        signed_in = await sign_in_for_pages(self.house.kw, form, CALLER)
        self.show_page_cookie(signed_in.secret)
        return signed_in.secret

    def show_page_cookie(self, secret: str) -> None:
        self.http.cookies.set(PAGE_COOKIE, secret, domain="accounts.example.com", path="/")

    def show_refresh_cookie(self, token: str) -> None:
        self.http.cookies.set(
            REFRESH_COOKIE, token, domain="accounts.example.com", path="/api/v1/auth"
        )


class Native(Visitor):
    """A program: no cookies, the refresh token in the body."""

    def asking(self, **body: Any) -> dict[str, Any]:
        return {**body, "token_transport": "body"}

    def carrying(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"json": {"refresh_token": self.refresh_token}, **options}

    @property
    def presented(self) -> str | None:
        return self.refresh_token


@dataclass
class House:
    """A running Keywright. Its clock stands still; its mails are kept; hashing is cheap."""

    app: FastAPI
    under_test: KeywrightUnderTest
    db: WatchedDatabase
    url: str
    clients: AsyncExitStack

    @property
    def kw(self) -> Context:
        return self.under_test.keywright.context

    @property
    def clock(self) -> ManualClock:
        return self.under_test.clock

    @property
    def outbox(self) -> Outbox:
        return self.under_test.outbox

    async def browser(self, ip: str = HOME, **headers: str) -> Browser:
        return Browser(self, await self.client(ip, {**BY_BROWSER, **headers}))

    async def native(self, ip: str = HOME, **headers: str) -> Native:
        return Native(self, await self.client(ip, {**BY_PROGRAM, **headers}))

    async def client(self, ip: str, headers: dict[str, str]) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=(ip, 50_000))
        client = httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers)
        return await self.clients.enter_async_context(client)

    async def count(self, table: sa.Table) -> int:
        """How many rows there are. Not one of the watched steps."""
        row = await self.db.watched.one(counting(table))
        assert row is not None
        return row.number


class Number(msgspec.Struct, frozen=True):
    number: int


@cache
def counting(table: sa.Table) -> Statement[Number]:
    return Statement(sa.select(sa.func.count().label("number")).select_from(table), row=Number)


def claims_of(token: str | None) -> dict[str, Any]:
    """What an access token says, its signature unchecked."""
    assert token is not None
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1].encode()))
    return claims


def expect(response: httpx.Response, status: int) -> httpx.Response:
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    return response


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is this refusal, in the form that every refusal has."""
    expect(response, status)
    answer: dict[str, Any] = response.json()
    assert answer["code"] == code, answer
    assert response.headers["content-type"] == "application/problem+json"
    return answer


class Builder:
    """Building an application takes longer than most tests: each is used again, with other parts."""

    def __init__(self) -> None:
        self._idle: dict[tuple[Any, ...], list[tuple[Keywright[Any], FastAPI]]] = {}

    @asynccontextmanager
    async def build(
        self,
        url: str,
        folder: Path,
        *,
        profile: Any = None,
        permissions: Any = None,
        notifications: Any = None,
        **changes: Any,
    ) -> AsyncIterator[House]:
        settings = house_settings(url, folder, **changes)
        declared = {
            "profile": profile,
            "permissions": permissions,
            "notifications": notifications,
        }
        look = (profile, repr(declared), settings.api_prefix, settings.allowed_origins)
        idle = self._idle.setdefault(look, [])
        kw, app = idle.pop() if idle else make_app(settings, **declared)
        kw.settings = settings
        db = WatchedDatabase(open_database(url))
        under_test = KeywrightUnderTest(kw, db)
        async with under_test.running(), AsyncExitStack() as clients:
            yield House(app, under_test, db, url, clients)
        forget_hooks(kw)
        idle.append((kw, app))


def forget_hooks(kw: Keywright[Any]) -> None:
    """What a test registered is not the next one's."""
    for registered in (kw.hooks._on, kw.hooks._after, kw.hooks._claims_sources, kw.hooks._exports):
        registered.clear()


def house_settings(url: str, folder: Path, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "env": "development",
        "base_url": BASE_URL,
        "data_dir": folder / "data",
        "database_url": url,
        "secret_key": SECRET_KEY,
        "rate_limits": "off",
    }
    return Settings(_env_file=None, **(values | changes))


def make_app(settings: Settings, **declared: Any) -> tuple[Keywright[Any], FastAPI]:
    kw: Keywright[Any] = Keywright(settings, **declared)
    app = standalone(kw)
    add_host_routes(app, kw)
    return kw, app


def add_host_routes(app: FastAPI, kw: Keywright[Any]) -> None:
    """What an application asks for on its own routes."""

    @app.get("/host/user")
    @app.post("/host/user")
    async def user(user: User = Depends(kw.user())) -> dict[str, str]:
        return {"email": user.email}

    @app.get("/host/fresh")
    async def fresh(user: User = Depends(kw.user(fresh=True))) -> dict[str, str]:
        return {"email": user.email}

    @app.get("/host/claims")
    async def claims(claims: Claims = Depends(kw.claims())) -> dict[str, str]:
        return {"subject": claims.subject}


@pytest.fixture(scope="session")
def builder() -> Builder:
    return Builder()


def migrate(url: str) -> None:
    async def run() -> None:
        db = open_database(url)
        await db.open()
        await upgrade(db, url)
        await db.close()

    run_apart(run())


@pytest.fixture(scope="session")
def empty_sqlite_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file without rows, to be copied."""
    path = tmp_path_factory.mktemp("house") / "empty.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_house_url(empty_sqlite_house: Path, tmp_path: Path) -> str:
    path = tmp_path / "house.db"
    shutil.copy(empty_sqlite_house, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_house(postgres_server: PostgresServer, postgres_template: Template) -> Iterator[str]:
    name = postgres_server.create_database(postgres_template("empty_house", migrate))
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
async def postgres_house_url(postgres_house: str) -> str:
    """Emptied for each test: that takes a hundredth of the time of another database."""
    await execute(postgres_house, EMPTY_ALL)
    return postgres_house


@pytest.fixture(params=["sqlite", "postgresql"])
def house_url(request: pytest.FixtureRequest) -> str:
    kind = "sqlite" if request.param == "sqlite" else "postgres"
    url: str = request.getfixturevalue(f"{kind}_house_url")
    return url


@pytest.fixture
async def house(
    request: pytest.FixtureRequest, builder: Builder, house_url: str, tmp_path: Path
) -> AsyncIterator[House]:
    """Parametrized over both databases. `@pytest.mark.settings(…)` says what is not usual."""
    marks = list(request.node.iter_markers("settings"))
    changes = {name: value for mark in reversed(marks) for name, value in mark.kwargs.items()}
    async with builder.build(house_url, tmp_path, **changes) as house:
        yield house


@pytest.fixture
async def houses(house: House, builder: Builder, tmp_path: Path) -> AsyncIterator[list[House]]:
    """As many as may serve one database: two on PostgreSQL, each like a process of its own."""
    if house.kw.settings.uses_sqlite:
        yield [house]
        return
    changes = house.kw.settings.model_dump(
        include={"max_sessions", "require_verification", "rate_limits"}
    )
    async with builder.build(house.url, tmp_path, **changes) as second:
        yield [house, second]


@pytest.fixture(params=["browser", "native"])
async def visitor(request: pytest.FixtureRequest, house: House) -> Visitor:
    """The same story for a browser, which has cookies, and for a program, which has none."""
    return await (house.browser() if request.param == "browser" else house.native())


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "settings(**changes): of the house that the test lives in")
