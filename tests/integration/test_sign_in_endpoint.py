"""`kw.sign_in`: an endpoint as it stands, and a call for a route of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel

from keywright import Keywright, Settings, User
from keywright.testing import KeywrightUnderTest

pytestmark = pytest.mark.anyio
ADA = "ada@example.com"
PASSWORD = "correct horse battery"
FORM = {"username": ADA, "password": PASSWORD}


class Door(BaseModel):
    name: str
    secret: str


@pytest.fixture
def keywright_instance(tmp_path: Path) -> Keywright:
    return Keywright(Settings(_env_file=None, data_dir=tmp_path))


@pytest.fixture
def app(keywright_instance: Keywright) -> FastAPI:
    app = FastAPI()
    keywright_instance.install(app)
    app.post("/token")(keywright_instance.sign_in)

    @app.post("/door")
    async def door(request: Request, body: Door) -> dict[str, int]:
        token = await keywright_instance.sign_in(request, body.name, body.secret)
        return {"seconds": token.expires_in}

    return app


async def test_as_an_endpoint_it_reads_the_password_form(kw: KeywrightUnderTest, app):
    async with kw.client(app) as client:
        await kw.create_user(ADA, password=PASSWORD)
        answer = await client.post("/token", data=FORM)
        assert answer.status_code == 200
        assert answer.json().keys() == {"access_token", "token_type", "expires_in"}
        assert answer.headers.get("set-cookie") is None


async def test_a_route_of_ones_own_may_call_it(kw: KeywrightUnderTest, app):
    async with kw.client(app) as client:
        await kw.create_user(ADA, password=PASSWORD)
        opened = await client.post("/door", json={"name": ADA, "secret": PASSWORD})
        assert opened.json() == {"seconds": 900}
        refused = await client.post("/door", json={"name": ADA, "secret": "wrong"})
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_credentials")


async def test_it_keeps_the_limits_of_signing_in(kw: KeywrightUnderTest, app):
    async with kw.client(app) as client:
        answers = [(await client.post("/token", data=FORM)).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


@pytest.mark.parametrize(
    "form",
    [{}, {"username": ADA}, {**FORM, "username": "x" * 321}, {**FORM, "password": "x" * 1025}],
)
async def test_what_is_no_form_is_refused_in_the_applications_own_way(kw, app, form):
    async with kw.client(app) as client:
        answer = await client.post("/token", data=form)
    assert answer.status_code == 422
    assert "detail" in answer.json()


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        ("\x00", "invalid_input"),
        ("ada\x00@example.com", "invalid_input"),
        ("🔑@example.com", "invalid_credentials"),
        ("' OR 1=1 --", "invalid_credentials"),
    ],
)
async def test_odd_names_are_refused(kw: KeywrightUnderTest, app, odd, code):
    async with kw.client(app) as client:
        answer = await client.post("/token", data={**FORM, "username": odd})
    assert answer.json()["code"] == code


async def test_before_it_runs_it_says_so(app, kw: KeywrightUnderTest):
    async with kw.client(app) as client:
        kw.keywright.context.started = False
        answer = await client.post("/token", data=FORM)
    assert (answer.status_code, "kw.lifespan()" in answer.text) == (503, True)


async def test_an_application_makes_accounts_by_itself(kw: KeywrightUnderTest, app):
    async with kw.client(app) as client:
        made: User = await kw.keywright.create_user(ADA, password=PASSWORD, roles=["moderator"])
        assert made.roles == ("moderator",)
        assert (await client.post("/token", data=FORM)).status_code == 200
        await kw.keywright.create_user("eve@example.com")
        assert (await kw.outbox.last("eve@example.com")).token
