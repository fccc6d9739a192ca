from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request

from keywright.core.principal import Principal
from keywright.core.web import resolve_caller, router
from keywright.core.web.require import own_session
from keywright.flows import manage_sessions
from keywright.flows.routes import schemas as s

if TYPE_CHECKING:
    from keywright.core.context import Context


def routes(kw: Context) -> APIRouter:
    api = router(kw, prefix="/auth", tags=["sessions"])
    signed_in = own_session(kw)

    @api.get("/sessions")
    async def list_sessions(principal: Principal = Depends(signed_in)) -> s.SessionsOut:
        """Where you are signed in, the most recently used first."""
        found = await manage_sessions.list_sessions(kw, principal)
        return s.SessionsOut(items=[s.SessionOut.of(one, principal.session_id) for one in found])

    @api.delete("/sessions")
    async def end_other_sessions(
        request: Request, principal: Principal = Depends(signed_in)
    ) -> s.EndedOut:
        """Sign every other device out."""
        caller = resolve_caller(request, kw.settings)
        return s.EndedOut(ended=await manage_sessions.end_other_sessions(kw, principal, caller))

    @api.delete("/sessions/{session_id}", status_code=204)
    async def end_session(
        request: Request, session_id: UUID, principal: Principal = Depends(signed_in)
    ) -> None:
        """Sign one device out."""
        caller = resolve_caller(request, kw.settings)
        await manage_sessions.end_session(kw, principal, session_id, caller)

    return api
