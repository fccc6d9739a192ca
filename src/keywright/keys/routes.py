from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from keywright.core.context import Context
from keywright.core.web import router
from keywright.core.web.json_response import JsonResponse
from keywright.core.web.route import PlainRoute
from keywright.keys.schemas import JsonWebKeySet
from keywright.keys.service import JWKS_MAX_AGE

PUBLIC = {
    "Cache-Control": f"public, max-age={JWKS_MAX_AGE.seconds}",
    "Access-Control-Allow-Origin": "*",  # never with credentials
}


def routes(kw: Context) -> APIRouter:
    api = router(kw, tags=["metadata"], base=PlainRoute)

    @api.get(
        "/.well-known/jwks.json",
        response_model=JsonWebKeySet,
        response_model_exclude_none=True,
        summary="Public keys",
    )
    async def read_jwks(_: Request) -> Response:
        return JsonResponse(kw.keys.jwks_document(), headers=PUBLIC)

    return api
