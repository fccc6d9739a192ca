from __future__ import annotations

import pytest

from image_api.main import app

pytestmark = pytest.mark.anyio
IMAGES, STATISTICS = "/api/v1/images", "/api/v1/statistics"
LOGIN, WHO_AM_I = "/api/v1/login/access-token", "/api/v1/login/test-token"
PASSWORD = "correct horse battery"
NIGHT = {"prompt": "two hills at night"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", IMAGES), ("GET", IMAGES), ("GET", STATISTICS), ("POST", WHO_AM_I)],
)
async def test_nobody_gets_anything_without_a_token(client, method, path):
    answer = await client.request(method, path, json=NIGHT if path == IMAGES else None)
    assert answer.status_code == 401


async def test_a_picture_is_drawn_kept_and_shown(kw, client):
    await kw.sign_in(client)
    image = (await client.post(IMAGES, json=NIGHT)).json()
    shown = await client.get(f"{IMAGES}/{image['id']}")
    assert shown.headers["content-type"] == "image/png"
    assert shown.content.startswith(b"\x89PNG")
    assert (await client.get(IMAGES)).json() == [image]


async def test_pictures_are_their_owners_alone(kw, client):
    await kw.sign_in(client, email="ada@example.com")
    image = (await client.post(IMAGES, json=NIGHT)).json()
    async with kw.client(app) as other:
        await kw.sign_in(other, email="eve@example.com")
        assert (await other.get(IMAGES)).json() == []
        assert (await other.get(f"{IMAGES}/{image['id']}")).status_code == 404


async def test_a_token_for_something_else_draws_nothing(kw, client):
    await kw.sign_in(client, roles=["admin"], scopes=["users:read"])
    refused = await client.post(IMAGES, json=NIGHT)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


async def test_only_administrators_see_the_statistics(kw, client):
    await kw.sign_in(client)
    await client.post(IMAGES, json=NIGHT)
    assert (await client.get(STATISTICS)).status_code == 403
    await kw.sign_in(client, roles=["admin"])
    assert (await client.get(STATISTICS)).json() == {"images": 1, "shelves": 1}


async def test_the_token_of_the_login_route_says_who_you_are(kw, client):
    await kw.create_user("ada@example.com", password=PASSWORD)
    token = (
        await client.post(LOGIN, data={"username": "ada@example.com", "password": PASSWORD})
    ).json()
    assert token["token_type"] == "bearer"
    client.headers["Authorization"] = f"Bearer {token['access_token']}"
    assert (await client.post(WHO_AM_I)).json()["email"] == "ada@example.com"


async def test_a_token_ends_with_its_time(kw, client):
    await kw.sign_in(client)
    kw.clock.advance(minutes=16)
    assert (await client.post(WHO_AM_I)).json()["code"] == "token_expired"
