from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from keywright.core.principal import Principal
from keywright.core.web import api_router, resolve_caller
from keywright.core.web.origin import refuse_cross_site
from keywright.core.web.require import own_session
from keywright.flows import recover_account
from keywright.flows.routes import schemas as s
from keywright.flows.routes.cookies import set_device_cookie

if TYPE_CHECKING:
    from keywright.core.context import Context


def routes(kw: Context) -> APIRouter:
    api = api_router(kw, "/auth", tags=["auth"])
    signed_in = own_session(kw)

    @api.post("/forgot-password", status_code=202)
    async def forgot_password(request: Request, body: s.EmailBody) -> s.ResetSent:
        """Mail a reset link. The same answer for any address."""
        caller = resolve_caller(request, kw.settings)
        await recover_account.forgot_password(kw, body.email, caller)
        return s.ResetSent()

    @api.post("/reset-password")
    async def reset_password(request: Request, body: s.ResetPasswordBody) -> s.PasswordSet:
        """Use the mailed token. Ends every session; sign in with the new password afterwards."""
        caller = resolve_caller(request, kw.settings)
        await recover_account.reset_password(kw, body.token, body.new_password, caller)
        return s.PasswordSet()

    @api.post("/change-password", response_model=s.PasswordSet)
    async def change_password(
        request: Request, body: s.ChangePasswordBody, principal: Principal = Depends(signed_in)
    ) -> Response:
        """Knowing the current one. Ends every other session."""
        refuse_cross_site(request, kw.settings)
        caller = resolve_caller(request, kw.settings)
        device = await recover_account.change_password(
            kw, principal, body.current_password, body.new_password, caller
        )
        answer = JSONResponse(s.present(s.PasswordSet()))
        set_device_cookie(kw, answer, device)
        return answer

    return api
