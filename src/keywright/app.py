"""From settings to the standalone application."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from keywright.core.settings import Settings
from keywright.core.web.caller import request_id_of
from keywright.core.web.front_door import FrontDoor, PlainRoutes
from keywright.core.web.problem import problem_response
from keywright.core.web.route import harden
from keywright.core.web.unrouted import is_for_people, unrouted
from keywright.integration import Keywright
from keywright.pages.page import Pages

PUBLIC = "/.well-known/"
ALLOWED_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key")
EXPOSED_HEADERS = (
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)


def create_app(settings: Settings | None = None, *, workers: int = 1) -> FastAPI:
    """The server that `keywright serve` runs. `workers` share this machine's cores."""
    return standalone(Keywright(settings, workers=workers))


def standalone(kw: Keywright[Any]) -> FastAPI:
    """An application that is nothing but this Keywright."""
    app = FastAPI(
        title=kw.settings.app_name,
        summary="Accounts, sign-in and tokens.",
        version="1",
        docs_url="/docs" if kw.settings.development else None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,  # it would send people to whatever the Host header says
    )
    kw.install(app)
    app.add_exception_handler(HTTPException, explain_unrouted(kw))
    if shares(kw.settings):
        app.add_middleware(SharedWithRegisteredOrigins, settings=kw.settings)
    return app


def served(kw: Keywright[Any]) -> ASGIApp:
    """The standalone application behind its front door."""
    app = standalone(kw)
    plain = PlainRoutes(kw.routes.routes)
    short = SharedWithRegisteredOrigins(plain, kw.settings) if shares(kw.settings) else plain
    return FrontDoor(plain, short, app)


def shares(settings: Settings) -> bool:
    return bool(settings.allowed_origins)


class SharedWithRegisteredOrigins(CORSMiddleware):
    """Credentialed CORS for the registered front ends, and for nobody else. Public documents say
    themselves that everybody may read them.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(
            app,
            allow_origins=list(settings.allowed_origins),
            allow_credentials=True,
            allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
            allow_headers=list(ALLOWED_HEADERS),
            expose_headers=list(EXPOSED_HEADERS),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_public_document(scope):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def is_public_document(scope: Scope) -> bool:
    """Readable by any origin, and so never with credentials."""
    if scope["type"] != "http":
        return False
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")).startswith(PUBLIC)


def explain_unrouted(
    kw: Keywright[Any],
) -> Callable[[Request, Exception], Coroutine[Any, Any, Response]]:
    """404 and 405 as a problem, or as a page where a browser asks for one."""
    pages = Pages(kw.context)

    async def explain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = unrouted(request, error)
        if problem is None:
            return await http_exception_handler(request, error)
        request_id = request_id_of(request)
        if is_for_people(request, kw.settings.api_prefix):
            return harden(pages.explain(request, problem), request_id)
        return harden(problem_response(problem, request_id), request_id)

    return explain
