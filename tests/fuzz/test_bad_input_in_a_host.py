"""In a host application its own 404s, limits and exceptions stay its own, on our routes too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse
from parts.house import API, PASSWORD, house_settings

from keywright import Keywright, UserRegistered
from keywright.core.db import Database
from keywright.testing import KeywrightUnderTest

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def hosted(
    kw_database: Database, tmp_path: Any, **options: Any
) -> AsyncIterator[tuple[KeywrightUnderTest, FastAPI, httpx.AsyncClient]]:
    kw: Keywright = Keywright(house_settings("sqlite://", tmp_path))
    app = FastAPI(**options)
    kw.install(app)
    under_test = KeywrightUnderTest(kw, kw_database)
    async with under_test.client(app) as client:
        yield under_test, app, client


async def test_its_404_and_405_stay_as_they_were(kw_database: Database, tmp_path: Any) -> None:
    async with hosted(kw_database, tmp_path) as (_, _, client):
        unknown, wrong = await client.get("/nowhere"), await client.put(f"{API}/auth/login")
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Not Found"})
    assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"})


async def test_its_limit_of_a_body_is_answered_by_itself(
    kw_database: Database, tmp_path: Any
) -> None:
    async with hosted(kw_database, tmp_path, max_body_size=100) as (_, _, client):
        answer = await client.post(f"{API}/auth/login", json={"email": "x" * 200})
    assert answer.status_code == 413
    assert "code" not in answer.text


async def test_its_own_exception_in_a_hook_reaches_its_own_handler(
    kw_database: Database, tmp_path: Any
) -> None:
    async with hosted(kw_database, tmp_path) as (under_test, app, client):

        @under_test.keywright.hooks.on(UserRegistered)
        async def only_by_invitation(event: UserRegistered, tx: Any) -> None:
            raise HTTPException(402, "By invitation only")

        @app.exception_handler(HTTPException)
        async def own_words(request: Request, error: HTTPException) -> PlainTextResponse:
            return PlainTextResponse(f"Sorry: {error.detail}", error.status_code)

        body = {"email": "ada@example.com", "password": PASSWORD}
        answer = await client.post(f"{API}/auth/register", json=body)
    assert (answer.status_code, answer.text) == (402, "Sorry: By invitation only")
