"""Requirements where `install` never came: in applications mounted in a host's, and websockets."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import Depends, FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse
from parts.handshakes import Handshake, shake_hands

from keywright import Claims, Keywright, KeywrightError, Principal, Settings, User
from keywright.testing import KeywrightUnderTest

pytestmark = pytest.mark.anyio
ADA, PASSWORD = "ada@example.com", "correct horse battery"
PROBLEM = "application/problem+json"


@pytest.fixture
def keywright_instance(tmp_path) -> Keywright:
    return Keywright(Settings(_env_file=None, data_dir=tmp_path))


# Mounted applications


def mount(kw: KeywrightUnderTest, inner: FastAPI) -> FastAPI:
    """A host with `inner` two floors down."""
    outer, between = FastAPI(), FastAPI()
    kw.keywright.install(outer)

    @inner.get("/private")
    async def private(user: User = Depends(kw.keywright.user(verified=True))) -> str:
        return user.email

    between.mount("/in", inner)
    outer.mount("/deep", between)
    return outer


async def test_a_refusal_in_a_mounted_application_is_a_problem(kw):
    async with kw.client(mount(kw, FastAPI())) as client:
        refused = await client.get("/deep/in/private")
        assert (refused.status_code, refused.headers["content-type"]) == (401, PROBLEM)
        assert refused.json()["code"] == "not_authenticated"
        assert refused.headers["www-authenticate"] == "Bearer"
        await kw.sign_in(client, email=ADA, verified=False)
        refused = await client.get("/deep/in/private")
        assert (refused.status_code, refused.json()["code"]) == (403, "email_not_verified")
        await kw.sign_in(client, email="eve@example.com")
        assert (await client.get("/deep/in/private")).json() == "eve@example.com"


async def test_a_mounted_applications_own_handlers_stay(kw):
    inner = FastAPI()

    @inner.exception_handler(KeywrightError)
    async def own(request: Request, error: KeywrightError) -> PlainTextResponse:
        return PlainTextResponse(f"sorry: {error.code}", error.status)

    @inner.get("/broken")
    async def broken(_: None = Depends(kw.keywright.optional_user())) -> None:
        raise LookupError

    @inner.exception_handler(LookupError)
    async def own_error(request: Request, error: LookupError) -> PlainTextResponse:
        return PlainTextResponse("not here", 410)

    async with kw.client(mount(kw, inner)) as client:
        refused = await client.get("/deep/in/private")
        assert (refused.status_code, refused.text) == (401, "sorry: not_authenticated")
        assert (await client.get("/deep/in/broken")).status_code == 410
    assert set(inner.exception_handlers) >= {KeywrightError, LookupError}


async def test_a_sign_in_route_of_a_mounted_application_says_what_is_wrong(kw):
    inner = FastAPI()
    inner.post("/login")(kw.keywright.sign_in)
    async with kw.client(mount(kw, inner)) as client:
        form = {"username": ADA, "password": PASSWORD}
        refused = await client.post("/deep/in/login", data=form)
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_credentials")


# Websockets


async def talk(app: FastAPI, token: str | None = None, **options: Any) -> Handshake:
    headers = {"authorization": token} if token else {}
    return await shake_hands(app, "/talk", headers, **options)


def talking(kw: KeywrightUnderTest, requirement: Any) -> FastAPI:
    app = FastAPI()
    kw.keywright.install(app)

    @app.websocket("/talk")
    async def talk(socket: WebSocket, who: Any = Depends(requirement)) -> None:
        await socket.accept()
        await socket.send_text(type(who).__name__)
        await socket.close()

    return app


@pytest.mark.parametrize(
    ("factory", "kind"),
    [
        ("user", User),
        ("superuser", User),
        ("optional_user", User),
        ("principal", Principal),
        ("claims", Claims),
    ],
)
async def test_every_requirement_works_for_a_websocket(kw, factory, kind):
    app = talking(kw, getattr(kw.keywright, factory)())
    async with kw.client(app) as client:
        await kw.sign_in(client, roles=["admin"])
        opened = await talk(app, client.headers["authorization"])
        assert (opened.accepted, opened.texts) == (True, [kind.__name__])
        anonymous = await talk(app)
        if factory == "optional_user":
            assert anonymous.texts == ["NoneType"]
        else:
            assert (anonymous.accepted, anonymous.status) == (False, 401)
            assert anonymous.problem["code"] == "not_authenticated"


async def test_a_websocket_is_refused_with_a_reason_also_by_older_servers(kw):
    """Without the extension for more, closing is all there is: servers make a 403 of it."""
    app = talking(kw, kw.keywright.superuser())
    async with kw.client(app) as client:
        await kw.sign_in(client)
        token = client.headers["authorization"]
        refused = await talk(app, token)
        assert (refused.status, refused.problem["code"]) == (403, "role_required")
        bare = await talk(app, token, extensions={})
        assert (bare.accepted, bare.closed) == (False, (1008, "role_required"))


async def test_an_error_of_ours_closes_a_websocket_that_is_open(kw):
    app = FastAPI()
    kw.keywright.install(app)

    @app.websocket("/talk")
    async def join(socket: WebSocket, _: Any = Depends(kw.keywright.optional_user())) -> None:
        await socket.accept()
        await kw.keywright.create_user(ADA)

    @app.websocket("/gone")
    async def leave(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()
        await kw.keywright.create_user(ADA)

    async with kw.running():
        await kw.create_user(ADA)
        ended = await talk(app)
        assert (ended.accepted, ended.closed) == (True, (1008, "email_taken"))
        gone = await shake_hands(app, "/gone", {})
        assert gone.closed == (1000, "")


async def test_a_websocket_of_a_mounted_application_is_refused_as_well(kw):
    inner = FastAPI()
    app = mount(kw, inner)

    @inner.websocket("/talk")
    async def talk(socket: WebSocket, user: User = Depends(kw.keywright.user())) -> None: ...

    async with kw.running():
        refused = await shake_hands(app, "/deep/in/talk", {})
        assert (refused.status, refused.problem["code"]) == (401, "not_authenticated")


async def test_a_websocket_says_that_keywright_does_not_run(kw):
    refused = await talk(talking(kw, kw.keywright.user()))
    assert (refused.status, refused.problem["code"]) == (503, "unavailable")
    bare = await talk(talking(kw, kw.keywright.user()), extensions={})
    assert bare.closed == (1011, "unavailable")
