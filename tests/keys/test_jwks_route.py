from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast

import httpx
import pytest
from fastapi import FastAPI

from keywright.core.clock import ManualClock
from keywright.core.context import Context
from keywright.core.crypto import MasterSecrets
from keywright.core.db import Database
from keywright.core.settings import Settings
from keywright.keys.ring import KeyRing
from keywright.keys.routes import routes
from keywright.protocol import jws
from keywright.protocol.jwk import read_jwks

pytestmark = pytest.mark.anyio

PATH = "/.well-known/jwks.json"


@pytest.fixture
async def ring(
    db: Database, secrets: MasterSecrets, clock: ManualClock, settings: Settings
) -> KeyRing:
    return await KeyRing.open(db, secrets, clock, settings)


@pytest.fixture
async def client(ring: KeyRing, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(
        routes(cast("Context", SimpleNamespace(settings=settings, keys=ring, started=True)))
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_the_published_keys_verify_what_is_signed(
    client: httpx.AsyncClient, ring: KeyRing
) -> None:
    keys = read_jwks((await client.get(PATH)).json())
    token = ring.sign({"sub": "ada"}, typ="at+jwt")
    assert jws.verify(token, jws.find_key(jws.parse(token), keys)).payload == b'{"sub":"ada"}'


async def test_a_rotation_shows_at_once(
    client: httpx.AsyncClient, ring: KeyRing, clock: ManualClock
) -> None:
    clock.advance(days=90)
    await ring.rotate_when_due()
    answer = (await client.get(PATH)).json()
    assert len(answer["keys"]) == 2


async def test_nothing_private_and_nothing_empty_is_published(client: httpx.AsyncClient) -> None:
    (key,) = (await client.get(PATH)).json()["keys"]
    assert set(key) == {"kid", "alg", "use", "kty", "crv", "x", "y"}


async def test_it_may_be_cached_for_five_minutes(client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH)
    assert answer.headers["Cache-Control"] == "public, max-age=300"


async def test_any_origin_may_read_it_without_credentials(client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH, headers={"Origin": "https://anywhere.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
