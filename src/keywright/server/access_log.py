"""One line a request, among all other lines."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from time import perf_counter
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keywright.core.log import Writer, get_logger
from keywright.core.redaction import mask_text
from keywright.core.settings import Settings
from keywright.core.web.caller import request_id_of, resolve_ip

UNEVENTFUL = frozenset({"/system/health", "/system/health/live", "/system/health/ready"})
SERVER_ERRORS = 500
EVENT, LOGGER = "request", "keywright.access"
OF_THE_PIPELINE = frozenset({"event", "level", "logger", "timestamp"})
log = get_logger(LOGGER)


class AccessLog:
    """Writes method, path and outcome; never the query, where mailed tokens stand.

    Probes that find all well are not worth a line each.
    """

    def __init__(self, app: ASGIApp, settings: Settings, write: Writer | None = None) -> None:
        self._app = app
        self._settings = settings
        self._write = write or write_event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = SERVER_ERRORS, perf_counter()

        def note_status(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            if scope["path"] not in UNEVENTFUL or status >= SERVER_ERRORS:
                self._write(self._describe(scope, status, perf_counter() - started))

    def _describe(self, scope: Scope, status: int, seconds: float) -> dict[str, Any]:
        connection = HTTPConnection(scope)
        return {
            "event": EVENT,
            "method": scope["method"],
            "path": shown_path(scope["path"]),
            "status": status,
            "ms": round(seconds * 1000, 1),
            "ip": resolve_ip(connection, self._settings),
            "request_id": request_id_of(connection),
            "level": "info",
            "logger": LOGGER,
            "timestamp": datetime.now(UTC),
        }


def write_event(line: Mapping[str, Any]) -> None:
    """Through the pipeline, which adds level, name and time by itself."""
    log.info(EVENT, **{name: line[name] for name in line if name not in OF_THE_PIPELINE})


@lru_cache(maxsize=1024)
def shown_path(path: str) -> str:
    """Most requests are for few paths."""
    return mask_text(path)
