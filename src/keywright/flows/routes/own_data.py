"""What is known about me: my security log, and all of it to take along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from keywright.core.principal import Principal
from keywright.core.web import api_router, resolve_caller
from keywright.core.web.json_response import JSON_CONTENT
from keywright.core.web.origin import carries_explicit_credential, refuse_other_origins
from keywright.core.web.require import own_session, own_session_in_grace
from keywright.flows import own_events
from keywright.flows.export_account import export_account, file_name
from keywright.flows.routes import event_schemas as s

if TYPE_CHECKING:
    from keywright.core.context import Context

CHUNK = 64 * 1024
EXPORT_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Everything held about you, as a file.",
        "content": {JSON_CONTENT: {"schema": {"type": "object"}}},
    }
}


def my_events(kw: Context) -> APIRouter:
    api = api_router(kw, "/auth", tags=["auth"])
    signed_in = own_session(kw)

    @api.get("/events", response_model_exclude_unset=True)
    async def list_my_events(
        query: Annotated[s.EventsQuery, Query()], principal: Principal = Depends(signed_in)
    ) -> s.EventsOut:
        """What happened to your account, the newest first."""
        page = await own_events.list_own_events(
            kw, principal, limit=query.limit, before=query.cursor
        )
        if not query.total:
            return s.EventsOut.of(page)
        return s.EventsOut.of(page, total=await own_events.count_own_events(kw, principal))

    return api


def my_export(kw: Context) -> APIRouter:
    api = api_router(kw, "/auth", tags=["auth"])
    signed_in = own_session_in_grace(kw, fresh=True)

    @api.get("/export", responses=EXPORT_ANSWER, response_class=Response)
    async def export_my_account(
        request: Request, principal: Principal = Depends(signed_in)
    ) -> Response:
        """Everything held about you, as a JSON file. Needs a recent sign-in; you are told by mail,
        since somebody else may have asked.
        """
        refuse_export_for_another_site(request, kw)
        caller = resolve_caller(request, kw.settings)
        document = await export_account(kw, principal, caller)
        return DocumentResponse(document, file_name(kw))

    return api


def refuse_export_for_another_site(request: Request, kw: Context) -> None:
    """No page of others makes a browser fetch it, which mails its owner and is counted."""
    if not carries_explicit_credential(request):
        refuse_other_origins(request, kw.settings)


class DocumentResponse(StreamingResponse):
    """A file that is closed once it is sent, or nobody wants it any more."""

    def __init__(self, document: IO[bytes], name: str) -> None:
        size = document.seek(0, 2)
        document.seek(0)
        super().__init__(
            iterate_in_threadpool(chunks_of(document)),
            media_type=JSON_CONTENT,
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Content-Length": str(size),
            },
        )
        self.document = document

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.document.close()


def chunks_of(document: IO[bytes]) -> Iterator[bytes]:
    while chunk := document.read(CHUNK):
        yield chunk
