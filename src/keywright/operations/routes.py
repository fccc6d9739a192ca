from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from keywright.core.checks import Check
from keywright.core.web import router
from keywright.operations.health import check_all

if TYPE_CHECKING:
    from keywright.core.context import Context


class LiveOut(BaseModel):
    status: Literal["ok"] = "ok"


class ReadyOut(BaseModel):
    """`checks` names each part that was asked, with `ok` or `failing`."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, Literal["ok", "failing"]]


def routes(kw: Context, checks: Sequence[Check]) -> APIRouter:
    api = router(kw, prefix="/system", tags=["system"])

    @api.get("/health/live")
    async def read_live() -> LiveOut:
        """The process answers. Asks nothing else."""
        return LiveOut()

    @api.get(
        "/health/ready",
        response_model=ReadyOut,
        responses={503: {"model": ReadyOut, "description": "Some part is down."}},
    )
    async def read_ready() -> Response:
        """Whether this process can serve: database, migrations, revocations, signing keys."""
        return await answer_readiness(checks)

    @api.get(
        "/health",
        response_model=ReadyOut,
        responses={503: {"model": ReadyOut, "description": "Some part is down."}},
    )
    async def read_health() -> Response:
        """Alive and ready."""
        return await answer_readiness(checks)

    return api


async def answer_readiness(checks: Sequence[Check]) -> Response:
    health = await check_all(checks)
    answer = ReadyOut(
        status="ok" if health.ready else "unavailable",
        checks={name: "failing" if name in health.failing else "ok" for name in health.checked},
    )
    headers = {} if health.ready else {"Retry-After": "2"}
    return JSONResponse(answer.model_dump(), 200 if health.ready else 503, headers)
