from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends
from starlette.requests import Request

from keywright.core.principal import Principal
from keywright.core.web import resolve_caller, router
from keywright.core.web.require import own_session
from keywright.flows.edit_profile import edit_profile
from keywright.flows.routes import schemas as s
from keywright.flows.routes.profiles import check_profile

if TYPE_CHECKING:
    from keywright.core.context import Context


def auth_routes(kw: Context) -> APIRouter:
    api = router(kw, prefix="/auth", tags=["auth"])
    add_me(api, kw, name="who_am_i")
    return api


def users_routes(kw: Context) -> APIRouter:
    api = router(kw, prefix="/users", tags=["users"])
    add_me(api, kw, name="read_me")
    signed_in = own_session(kw)

    @api.patch("/me")
    async def edit_me(
        request: Request, body: s.ProfileBody, principal: Principal = Depends(signed_in)
    ) -> s.UserOut:
        """Change your name, username, locale or profile fields; others stay as they are."""
        changes = body.model_dump(exclude_unset=True)
        if "profile" in changes:
            changes["profile"] = check_profile(kw, changes["profile"])
        caller = resolve_caller(request, kw.settings)
        return s.UserOut.of(await edit_profile(kw, principal, changes, caller))

    return api


def add_me(api: APIRouter, kw: Context, *, name: str) -> None:
    signed_in = own_session(kw)

    @api.get("/me", name=name)
    async def read_me(principal: Principal = Depends(signed_in)) -> s.UserOut:
        """Who is signed in."""
        assert principal.user is not None
        return s.UserOut.of(principal.user)
