from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from keywright.accounts.passwords.strength import assess
from keywright.core.ratelimit import defaults as limits
from keywright.core.web import api_router, resolve_caller

if TYPE_CHECKING:
    from keywright.core.context import Context


class StrengthBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    password: Annotated[str, Field(max_length=1024)]


class StrengthOut(BaseModel):
    """`score` is zxcvbn's, 0 to 4; `feedback` are sentences for the person."""

    score: int
    feedback: list[str]


def routes(kw: Context) -> APIRouter:
    api = api_router(kw, "/auth", tags=["auth"])

    @api.post("/password-strength")
    async def assess_password(request: Request, body: StrengthBody) -> StrengthOut:
        """How good a password is. Nothing is stored or logged."""
        caller = resolve_caller(request, kw.settings)
        await kw.limits.hit(limits.PASSWORD_STRENGTH, caller.network)
        strength = await assess(body.password, [kw.settings.app_name])
        return StrengthOut(score=strength.score, feedback=list(strength.feedback))

    return api
