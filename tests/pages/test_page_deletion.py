from __future__ import annotations

import re

import httpx
import pytest
from fastapi import FastAPI
from parts.visitor import ADA, PASSWORD, Visitor

pytestmark = pytest.mark.anyio
API = "/api/v1/auth"


@pytest.fixture
async def token(app: FastAPI, visitor: Visitor) -> str:
    """An access token of somebody who is signed in to the pages too."""
    await visitor.register()
    await visitor.sign_in()
    return await sign_in_to_api(app, visitor)


async def sign_in_to_api(app: FastAPI, visitor: Visitor) -> str:
    body = {"email": ADA, "password": PASSWORD, "token_transport": "body"}
    answer = await api(app, visitor, "POST", "/login", json=body)
    return str(answer.json()["access_token"])


async def api(
    app: FastAPI, visitor: Visitor, method: str, path: str, token: str = "", **options: object
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=visitor.base_url) as client:
        return await client.request(method, API + path, headers=headers, **options)  # type: ignore[arg-type]


async def ask(app: FastAPI, visitor: Visitor, token: str) -> str:
    assert (await api(app, visitor, "POST", "/request-deletion", token)).status_code == 202
    return await visitor.mailed_link("Delete")


async def test_the_mailed_link_deletes_by_its_button_and_signs_other_devices_out(
    app: FastAPI, visitor: Visitor, token: str
) -> None:
    link = await ask(app, visitor, token)
    page = await visitor.open(link)
    assert page.heading == "Delete your account?"
    assert ADA in page.html
    assert (await visitor.open("/account")).heading == "Your account"  # looking did nothing
    done = await visitor.submit(page)
    assert done.path == "/cancel-deletion"
    assert done.announcement.startswith("Your account will be deleted.")
    assert (await api(app, visitor, "GET", "/me", token)).status_code == 401
    for path in ("/account", "/account/password", "/sign-in"):
        assert (await visitor.open(path)).path == "/cancel-deletion"
    kept = await visitor.submit(await visitor.open("/cancel-deletion"))
    assert (kept.path, kept.heading) == ("/account", "Your account")
    assert kept.announcement == "Your account stays. Nothing of it is lost."
    assert (await visitor.open("/cancel-deletion")).path == "/account"


async def test_the_link_that_cancels_needs_no_sign_in(
    app: FastAPI, visitor: Visitor, stranger: Visitor, token: str
) -> None:
    await visitor.submit(await visitor.open(await ask(app, visitor, token)))
    link = await visitor.mailed_link("will be deleted")
    page = await stranger.open(link)
    assert page.heading == "Keep your account?"
    assert re.search(r"\d{1,2} \w+ \d{4}, \d\d:\d\d UTC", page.text)
    assert (await visitor.open("/account")).path == "/cancel-deletion"  # looking did nothing
    done = await stranger.submit(page)
    assert done.path == "/sign-in"
    assert done.announcement == "Your account stays. Nothing of it is lost."
    assert (await visitor.open("/account")).heading == "Your account"
    dead = await stranger.open(link)
    assert (dead.status, dead.heading) == (400, "This link does not work any more")


async def test_in_grace_a_person_can_sign_in_and_out(
    app: FastAPI, visitor: Visitor, stranger: Visitor, token: str
) -> None:
    await visitor.submit(await visitor.open(await ask(app, visitor, token)))
    assert (await stranger.sign_in()).path == "/cancel-deletion"
    page = await stranger.open("/sign-out")
    assert (await stranger.submit(page)).announcement == "You are signed out."
    assert (await stranger.open("/cancel-deletion")).path == "/sign-in"


async def test_links_that_are_no_links_lead_on(visitor: Visitor) -> None:
    for path in ("/confirm-deletion", "/confirm-deletion?token=x", "/cancel-deletion?token=x"):
        page = await visitor.open(path)
        assert (page.status, page.heading) == (400, "This link does not work any more")
    assert (await visitor.open("/cancel-deletion")).path == "/sign-in"
