"""From settings to the standalone application."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from keywright.core.settings import Settings
from keywright.integration import Keywright

ALLOWED_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key")


def create_app(settings: Settings | None = None, *, workers: int = 1) -> FastAPI:
    """The server that `keywright serve` runs."""
    kw = Keywright(settings, workers=workers)
    app = FastAPI(
        title=kw.settings.app_name,
        summary="Accounts, sign-in and tokens.",
        version="1",
        docs_url="/docs" if kw.settings.development else None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    kw.install(app)
    if kw.settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(kw.settings.allowed_origins),
            allow_credentials=True,
            allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
            allow_headers=list(ALLOWED_HEADERS),
        )
    return app
