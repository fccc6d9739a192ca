from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from keywright.core.principal import Principal
from keywright.core.web import api_router, resolve_caller
from keywright.core.web.json_response import JsonResponse
from keywright.core.web.openapi import SIGN_IN
from keywright.core.web.require import own_session
from keywright.core.web.route import PlainRoute
from keywright.flows.edit_profile import edit_profile
from keywright.flows.routes import schemas as s

if TYPE_CHECKING:
    from keywright.core.context import Context


def who_am_i(kw: Context) -> APIRouter:
    return reading_me(kw, "/auth", tag="auth", name="who_am_i")


def reading_my_account(kw: Context) -> APIRouter:
    return reading_me(kw, "/users", tag="users", name="read_me")


def editing_my_account(kw: Context) -> APIRouter:
    api = api_router(kw, "/users", tags=["users"])
    signed_in = own_session(kw)

    @api.patch("/me")
    async def edit_me(
        request: Request, body: s.MyAccountBody, principal: Principal = Depends(signed_in)
    ) -> s.UserOut:
        """Change your name, username, locale, single profile fields, or which mails you get; what
        is not named stays as it is.
        """
        changes = body.model_dump(exclude_unset=True)
        caller = resolve_caller(request, kw.settings)
        return s.UserOut.of(await edit_profile(kw, principal, changes, caller))

    return api


def reading_me(kw: Context, prefix: str, *, tag: str, name: str) -> APIRouter:
    api = api_router(kw, prefix, tags=[tag], base=PlainRoute)
    signed_in = own_session(kw)

    @api.get("/me", name=name, response_model=s.UserOut, openapi_extra=SIGN_IN)
    async def read_me(request: Request) -> Response:
        """Who is signed in."""
        principal = await signed_in.check(request)
        assert principal.user is not None
        return JsonResponse(s.user_json(principal.user))

    return api
