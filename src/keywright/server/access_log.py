"""One line a request, through the pipeline of all other lines."""

from __future__ import annotations

from time import perf_counter

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keywright.core.log import get_logger
from keywright.core.settings import Settings
from keywright.core.web.caller import resolve_caller

UNEVENTFUL = frozenset({"/system/health", "/system/health/live", "/system/health/ready"})
SERVER_ERRORS = 500
log = get_logger("keywright.access")


class AccessLog:
    """Writes method, path and outcome; never the query, where mailed tokens stand.

    Probes that find all well are not worth a line each.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = SERVER_ERRORS, perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            self._write(scope, status, perf_counter() - started)

    def _write(self, scope: Scope, status: int, seconds: float) -> None:
        if scope["path"] in UNEVENTFUL and status < SERVER_ERRORS:
            return
        caller = resolve_caller(HTTPConnection(scope), self._settings)
        log.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            ip=caller.ip,
            request_id=caller.request_id,
        )
