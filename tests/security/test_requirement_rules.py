"""What guards the routes of a host: a requirement lets in nobody but whom it names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Security, WebSocket
from parts.handshakes import page_session_cookie, shake_hands

from keywright import ConfigurationError, Keywright, Settings, User
from keywright.testing import KeywrightUnderTest

pytestmark = pytest.mark.anyio
BASE_URL = "http://127.0.0.1:8000"
PERMISSIONS = {
    "user": ["draw"],
    "manager": ["users:read", "users:write"],
    "billing": [],
    "cashier": ["cash:count", "cash:take"],
}


@pytest.fixture
def keywright_instance(tmp_path) -> Keywright:
    return Keywright(Settings(_env_file=None, data_dir=tmp_path), permissions=PERMISSIONS)


# Declared by mistake

FACTORIES = (
    "user",
    "superuser",
    "require_role",
    "require_scopes",
    "optional_user",
    "principal",
    "claims",
)


def by_default(app: FastAPI, factory: Any) -> None:
    @app.get("/")
    async def route(user: Any = Depends(factory)) -> None: ...


def annotated(app: FastAPI, factory: Any) -> None:
    async def route(user: Any) -> None: ...

    route.__annotations__["user"] = Annotated[Any, Depends(factory)]
    app.get("/")(route)


def secured(app: FastAPI, factory: Any) -> None:
    @app.get("/")
    async def route(user: Any = Security(factory, scopes=["draw"])) -> None: ...


def for_the_route(app: FastAPI, factory: Any) -> None:
    app.get("/", dependencies=[Depends(factory)])(lambda: None)


def for_a_router(app: FastAPI, factory: Any) -> None:
    router = APIRouter(dependencies=[Depends(factory)])
    router.get("/")(lambda: None)
    app.include_router(router)


def for_the_inclusion(app: FastAPI, factory: Any) -> None:
    router = APIRouter()
    router.get("/")(lambda: None)
    app.include_router(router, dependencies=[Depends(factory)])
    app.openapi()


def for_the_application(_: FastAPI, factory: Any) -> None:
    FastAPI(dependencies=[Depends(factory)]).get("/")(lambda: None)


def deeper(app: FastAPI, factory: Any) -> None:
    def shelf(owner: Any = Depends(factory)) -> None: ...

    app.get("/", dependencies=[Depends(shelf)])(lambda: None)


def for_a_websocket(app: FastAPI, factory: Any) -> None:
    @app.websocket("/")
    async def route(socket: WebSocket, user: Any = Depends(factory)) -> None: ...


WAYS = (
    by_default,
    annotated,
    secured,
    for_the_route,
    for_a_router,
    for_the_inclusion,
    for_the_application,
    deeper,
    for_a_websocket,
)


@pytest.mark.parametrize("declare", WAYS)
@pytest.mark.parametrize("factory", FACTORIES)
def test_forgotten_parentheses_open_no_route(
    keywright_instance: Keywright, factory: str, declare: Callable[[FastAPI, Any], None]
) -> None:
    with pytest.raises(ConfigurationError, match=rf"Depends\(kw\.{factory}\("):
        declare(FastAPI(), getattr(keywright_instance, factory))


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_forgotten_depends_opens_no_route(keywright_instance: Keywright, method: str) -> None:
    """FastAPI would read the user from the request's body."""
    for forgotten in (keywright_instance.user(), keywright_instance.user):

        async def route(user: User) -> None: ...

        route.__annotations__["user"] = Annotated[User, forgotten]
        with pytest.raises(ConfigurationError, match=r"Annotated\[User, Depends\("):
            getattr(FastAPI(), method)("/")(route)


async def test_nobody_sends_the_user_that_a_route_forgot_to_ask_for(kw: KeywrightUnderTest) -> None:
    app, keywright = FastAPI(), kw.keywright
    keywright.install(app)

    @app.post("/")
    async def route(user: User = keywright.user()) -> str:  # type: ignore[assignment]  # the mistake
        return user.email

    @app.get("/me")
    async def me(user: User = Depends(keywright.user())) -> User:
        return user

    async with kw.client(app) as client:
        ada = await kw.create_user("ada@example.com", roles=["admin"])
        await kw.sign_in(client)
        sent = (await client.get("/me")).json() | {"email": ada.email, "roles": ["admin"]}
        refused = await client.post("/", json=sent, headers={"Authorization": ""})
        assert refused.status_code == 422
        assert "Depends(kw.user())" in refused.text
        assert (await client.post("/")).status_code == 500


@pytest.mark.parametrize("factory", ["user", "principal", "claims"])
def test_a_string_is_no_list_of_scopes(keywright_instance: Keywright, factory: str) -> None:
    with pytest.raises(ConfigurationError, match=r"scopes=\['draw', 'cash:take'\]"):
        getattr(keywright_instance, factory)(scopes="draw cash:take")


# The scopes of `Security(…, scopes=[…])`, which FastAPI collects


@pytest.mark.parametrize("factory", ["user", "principal", "optional_user", "superuser"])
async def test_scopes_that_security_asks_for_are_asked_for(kw, factory) -> None:
    app, keywright = FastAPI(), kw.keywright
    keywright.install(app)
    needed = getattr(keywright, factory)()
    app.get("/one", dependencies=[Security(needed, scopes=["cash:take"])])(lambda: None)

    async def within(_: Any = Depends(needed)) -> None: ...

    app.get("/outer", dependencies=[Security(within, scopes=["cash:take"])])(lambda: None)
    async with kw.client(app) as client:
        await kw.sign_in(client, roles=["admin"], scopes=["*"])
        assert (await client.get("/one")).status_code == 200
        assert (await client.get("/outer")).status_code == 200
        await kw.sign_in(client, email="bob@example.com", roles=["manager"])
        for path in ("/one", "/outer"):
            answer = await client.get(path)
            assert answer.status_code == 403, path


async def test_scopes_that_security_asks_of_claims_are_asked_for(kw) -> None:
    app, keywright = FastAPI(), kw.keywright
    keywright.install(app)
    needed = keywright.claims(scopes=["draw"])
    app.get("/", dependencies=[Security(needed, scopes=["cash:take"])])(lambda: None)
    async with kw.client(app) as client:
        await kw.sign_in(client, roles=["cashier"], scopes=["draw", "cash:take"])
        assert (await client.get("/")).status_code == 200
        await kw.sign_in(client, email="bob@example.com", roles=["cashier"], scopes=["draw"])
        answer = await client.get("/")
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


# Roles of a narrowed token


async def test_everybody_is_a_user(kw, client) -> None:
    await kw.sign_in(client)
    assert (await client.get("/user")).status_code == 200
    assert (await client.get("/moderator")).status_code == 403


@pytest.fixture
async def client(kw: KeywrightUnderTest) -> AsyncIterator[httpx.AsyncClient]:
    app, keywright = FastAPI(), kw.keywright
    keywright.install(app)
    app.get("/superuser", dependencies=[Depends(keywright.superuser())])(lambda: None)
    for role in ("user", "moderator", "manager", "billing", "cashier"):
        needed = [Depends(keywright.require_role(role))]
        app.get(f"/{role}", dependencies=needed)(lambda: None)
    async with kw.client(app) as client:
        yield client


@pytest.mark.parametrize(
    ("roles", "scopes", "passing", "refused"),
    [
        (["admin"], ["draw"], ["user"], ["superuser", "moderator"]),
        (["admin"], ["*"], ["user", "superuser", "moderator"], ["cashier"]),
        (["admin"], ["draw", "users:read"], ["moderator"], ["superuser"]),
        (["admin"], ["users:read"], [], ["user", "moderator", "superuser"]),
        (["cashier"], ["draw", "cash:count"], [], ["cashier"]),
        (["cashier"], ["draw", "cash:count", "cash:take"], ["cashier"], ["manager"]),
        (["billing"], ["draw"], [], ["billing"]),
        (["billing"], [], ["billing"], ["moderator"]),
    ],
)
async def test_a_narrowed_token_has_the_roles_that_its_scopes_cover(
    kw, client, roles, scopes, passing, refused
):
    """One that permits nothing by itself is covered by no scope."""
    await kw.sign_in(client, roles=roles, scopes=scopes)
    for role in passing:
        assert (await client.get(f"/{role}")).status_code == 200, role
    for role in refused:
        answer = await client.get(f"/{role}")
        assert (answer.status_code, answer.json()["code"]) == (403, "role_required"), role


# Websockets

FROM_ELSEWHERE = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    {"origin": "https://blog.example.com", "sec-fetch-site": "same-site"},
]
FROM_A_PAGE_OF_OURS = [
    {"origin": BASE_URL},
    {"origin": BASE_URL, "sec-fetch-site": "same-origin"},
    {},
]


@pytest.fixture
async def talking(kw: KeywrightUnderTest) -> AsyncIterator[FastAPI]:
    """An application where members talk, and a browser that has the cookie of the pages."""
    app = FastAPI()
    kw.keywright.install(app)

    @app.websocket("/talk")
    async def talk(socket: WebSocket, user: User = Depends(kw.keywright.user())) -> None:
        await socket.accept()
        await socket.send_text(user.email)
        await socket.close()

    async with kw.running():
        yield app


async def test_no_page_of_another_site_opens_a_socket_with_the_cookie(kw, talking):
    """The handshake is a GET, but whoever holds the socket may do anything with it."""
    cookie = await page_session_cookie(kw)
    for headers in FROM_ELSEWHERE:
        refused = await shake_hands(talking, "/talk", {**headers, "cookie": cookie})
        assert (refused.status, refused.problem["code"]) == (403, "cross_site_request"), headers
    for headers in FROM_A_PAGE_OF_OURS:
        opened = await shake_hands(talking, "/talk", {**headers, "cookie": cookie})
        assert (opened.accepted, opened.texts) == (True, ["ada@example.com"]), headers


async def test_nobody_opens_a_members_socket_without_a_credential(kw, talking):
    refused = await shake_hands(talking, "/talk", {})
    assert (refused.accepted, refused.status) == (False, 401)
