from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from keywright.core.principal import Principal
from keywright.core.web import api_router, resolve_caller
from keywright.core.web.require import own_session
from keywright.flows import manage_sessions
from keywright.flows.routes import session_schemas as s
from keywright.flows.routes.schemas import EndedOut

if TYPE_CHECKING:
    from keywright.core.context import Context


def routes(kw: Context) -> APIRouter:
    api = api_router(kw, "/auth", tags=["sessions"])
    signed_in = own_session(kw)

    @api.get("/sessions", response_model_exclude_unset=True)
    async def list_sessions(
        query: Annotated[s.SessionsQuery, Query()], principal: Principal = Depends(signed_in)
    ) -> s.SessionsOut:
        """Where you are signed in, the most recently used first."""
        page = await manage_sessions.list_session_page(
            kw, principal, limit=query.limit, after=query.position
        )
        if not query.total:
            return s.SessionsOut.of(page, principal.session_id)
        total = await manage_sessions.count_sessions(kw, principal)
        return s.SessionsOut.of(page, principal.session_id, total=total)

    @api.delete("/sessions")
    async def end_other_sessions(
        request: Request, principal: Principal = Depends(signed_in)
    ) -> EndedOut:
        """Sign every other device out."""
        caller = resolve_caller(request, kw.settings)
        return EndedOut(ended=await manage_sessions.end_other_sessions(kw, principal, caller))

    @api.delete("/sessions/{session_id}", status_code=204)
    async def end_session(
        request: Request, session_id: UUID, principal: Principal = Depends(signed_in)
    ) -> None:
        """Sign one device out."""
        caller = resolve_caller(request, kw.settings)
        await manage_sessions.end_session(kw, principal, session_id, caller)

    return api
