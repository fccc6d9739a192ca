from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response

from keywright.core.context import Context
from keywright.core.web import router
from keywright.keys.schemas import JsonWebKeySet
from keywright.keys.service import JWKS_MAX_AGE

CACHE_CONTROL = f"public, max-age={JWKS_MAX_AGE.seconds}"


def routes(kw: Context) -> APIRouter:
    api = router(kw, tags=["metadata"])

    @api.get(
        "/.well-known/jwks.json",
        response_model=JsonWebKeySet,
        response_model_exclude_none=True,
        summary="Public keys",
    )
    async def read_jwks(response: Response) -> Mapping[str, Any]:
        response.headers["Cache-Control"] = CACHE_CONTROL
        response.headers["Access-Control-Allow-Origin"] = "*"  # never with credentials
        return kw.keys.jwks()

    return api
