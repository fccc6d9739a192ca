from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends
from starlette.requests import Request

from keywright.core.principal import Principal
from keywright.core.web import api_router, resolve_caller
from keywright.core.web.cookies import sign_up_cookie
from keywright.core.web.openapi import OPTIONAL_SIGN_IN
from keywright.core.web.require import own_session
from keywright.flows import change_email as changing
from keywright.flows import confirm_email_change as confirming
from keywright.flows import undo_email_change as undoing
from keywright.flows.prove_address import LinkHolder
from keywright.flows.routes import email_change_schemas as s

if TYPE_CHECKING:
    from keywright.core.context import Context


def routes(kw: Context) -> APIRouter:
    api = api_router(kw, "/auth", tags=["auth"])
    add_change(api, kw)
    add_undo(api, kw)
    return api


def add_change(api: APIRouter, kw: Context) -> None:
    fresh = own_session(kw, fresh=True)

    @api.post("/change-email", status_code=202)
    async def change_email(
        request: Request, body: s.ChangeEmailBody, principal: Principal = Depends(fresh)
    ) -> s.ConfirmationSent:
        """Ask for another address: it is mailed a link, and the one you have is told. Needs a
        recent sign-in. The same answer for an address that somebody has.
        """
        caller = resolve_caller(request, kw.settings)
        await changing.request_email_change(kw, principal, body.new_email, caller)
        return s.ConfirmationSent()

    @api.post("/confirm-email-change", openapi_extra=OPTIONAL_SIGN_IN)
    async def confirm_email_change(
        request: Request, body: s.ConfirmEmailChangeBody
    ) -> s.EmailChangedOut:
        """Use the token that was mailed to the new address. Ends every session but the one that
        asked; the old address is mailed a link that undoes it for 72 hours.
        """
        principal = await kw.authenticator.authenticate(request)
        holder = LinkHolder(
            browser_secret=sign_up_cookie(kw.settings).read(request),
            user_id=principal.user.id if principal and principal.user else None,
            new_password=body.new_password,
        )
        caller = resolve_caller(request, kw.settings)
        user = await confirming.confirm_email_change(kw, body.token, holder, caller)
        return s.EmailChangedOut(email=user.email)


def add_undo(api: APIRouter, kw: Context) -> None:
    @api.post("/undo-email-change")
    async def undo_email_change(
        request: Request, body: s.UndoEmailChangeBody
    ) -> s.EmailRestoredOut:
        """Use the token that was mailed to the old address: that comes back, every session and
        the password end, and `reset_token` sets another password.
        """
        caller = resolve_caller(request, kw.settings)
        taken_back = await undoing.undo_email_change(kw, body.token, caller)
        expires_in = int((taken_back.expires_at - kw.clock.now()).total_seconds())
        return s.EmailRestoredOut(
            email=taken_back.email, reset_token=taken_back.reset_token, expires_in=expires_in
        )
