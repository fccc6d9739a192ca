"""The same floor behind FastAPI: one route open, and the same one behind a hand-written check."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, HTTPException
from starlette.requests import Request

from benchmarks.floor_app import make_app
from benchmarks.floor_asgi import UNAUTHORIZED
from benchmarks.floor_messages import User
from benchmarks.floor_tokens import Refused
from benchmarks.subject import email_of


def make_host() -> FastAPI:
    floor = make_app()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await floor.store.open()
        yield
        await floor.store.close()

    app = FastAPI(lifespan=lifespan)

    async def current_user(request: Request) -> User:
        authorization = request.headers.get("authorization", "")
        try:
            return await floor.user(authorization.encode("latin-1"))
        except Refused:
            raise HTTPException(UNAUTHORIZED) from None

    @app.get("/open")
    async def read_open() -> dict[str, str]:
        return {"email": email_of(0)}

    @app.get("/protected")
    async def read_protected(user: User = Depends(current_user)) -> dict[str, str]:
        return {"email": user.email}

    @app.get("/auth/me")
    async def who_am_i(user: User = Depends(current_user)) -> dict[str, object]:
        return {name: getattr(user, name) for name in user.__struct_fields__}

    return app
