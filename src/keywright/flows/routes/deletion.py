from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends
from starlette.requests import Request

from keywright.core.principal import Principal
from keywright.core.web import api_router, resolve_caller
from keywright.core.web.openapi import OPTIONAL_SIGN_IN
from keywright.core.web.require import own_session, own_session_in_grace
from keywright.flows import close_account, keep_account
from keywright.flows.routes import deletion_schemas as s

if TYPE_CHECKING:
    from keywright.core.context import Context


def routes(kw: Context) -> APIRouter:
    api = api_router(kw, "/auth", tags=["deletion"])
    add_closing(api, kw)
    add_keeping(api, kw)
    return api


def add_closing(api: APIRouter, kw: Context) -> None:
    fresh = own_session(kw, fresh=True)

    @api.post("/request-deletion", status_code=202)
    async def request_deletion(
        request: Request, principal: Principal = Depends(fresh)
    ) -> s.ConfirmationSent:
        """Mail the link that confirms the deletion of your account. Needs a recent sign-in."""
        caller = resolve_caller(request, kw.settings)
        confirm_before = await close_account.request_deletion(kw, principal, caller)
        return s.ConfirmationSent(confirm_before=confirm_before)

    @api.post("/confirm-deletion", openapi_extra=OPTIONAL_SIGN_IN)
    async def confirm_deletion(request: Request, body: s.ConfirmDeletionBody) -> s.ClosingOut:
        """Use the mailed token. Ends every session but the one that sends this, and every key; the
        account is purged at `deletes_at`, unless that is cancelled.
        """
        principal = await kw.authenticator.identify(request)
        caller = resolve_caller(request, kw.settings)
        closing = await close_account.confirm_deletion(kw, body.token, principal, caller)
        return s.ClosingOut(deletes_at=closing.deletes_at)


def add_keeping(api: APIRouter, kw: Context) -> None:
    in_grace = own_session_in_grace(kw)

    @api.post("/cancel-deletion", openapi_extra=OPTIONAL_SIGN_IN)
    async def cancel_deletion(
        request: Request, body: s.CancelDeletionBody | None = None
    ) -> s.DeletionCancelledOut:
        """Keep the account: signed in, or with the mailed token, which works all of the grace."""
        caller = resolve_caller(request, kw.settings)
        if body is not None and body.token is not None:
            await keep_account.cancel_by_link(kw, body.token, caller)
        else:
            principal = await in_grace.check(request)
            await keep_account.cancel_by_session(kw, principal, caller)
        return s.DeletionCancelledOut()

    @api.get("/deletion-status")
    async def read_deletion_status(
        principal: Principal = Depends(in_grace),
    ) -> s.DeletionStatusOut:
        """Whether the account is about to be deleted, and when."""
        return s.DeletionStatusOut.of(await close_account.read_status(kw, principal))
