"""One Keywright through several lives, as `with TestClient(app)` in each test of a host has it."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from parts.pwned_passwords import pwned_passwords

from keywright import Keywright, Settings
from keywright.accounts.passwords import policy
from keywright.accounts.passwords.breaches import BreachedPasswords

ACCOUNT = {"password": "correct horse battery"}


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, tmp_path: Path) -> Settings:
    sqlite = f"sqlite:///{tmp_path}/keywright.db"
    return Settings(
        _env_file=None,
        data_dir=tmp_path,
        database_url=sqlite
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url"),
        argon2_memory_kib=8,
        argon2_time_cost=1,
    )


async def live(app: FastAPI, kw: Keywright, email: str) -> None:
    """From start to stop, with a sign-up whose mail is delivered."""
    transport = httpx.ASGITransport(app)
    async with (
        LifespanManager(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):
        answer = await client.post("/api/v1/auth/register", json={**ACCOUNT, "email": email})
        assert answer.status_code == 202, answer.text
        await mail_arrives(client, email)
        answer = await client.post("/api/v1/auth/login", json={**ACCOUNT, "email": email})
        assert answer.json()["code"] == "email_not_verified"


async def mail_arrives(client: httpx.AsyncClient, email: str) -> None:
    async with asyncio.timeout(20):
        while email not in (await client.get("/dev/mail")).text:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.01)


def test_it_lives_again_also_in_another_event_loop(settings: Settings) -> None:
    app, kw = FastAPI(), Keywright(settings)
    kw.install(app)
    for email in ("ada@example.com", "bob@example.com", "eve@example.com"):
        asyncio.run(live(app, kw, email))


def test_it_lives_again_with_valkey_and_the_breach_check(
    settings: Settings, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"cache_url": valkey_url, "password_breach_check": True}
    with pwned_passwords() as service:
        patient = partial(BreachedPasswords, service.address, timeout=20)
        monkeypatch.setattr(policy, "open_breaches", patient)
        app, kw = FastAPI(), Keywright(settings.model_copy(update=more))
        kw.install(app)
        for email in ("ada@example.com", "bob@example.com"):
            asyncio.run(live(app, kw, email))
        assert len(service.asked) == 2
