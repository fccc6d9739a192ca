"""How a refusal leaves an application that is not ours: as a problem, also from a websocket."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.status import WS_1008_POLICY_VIOLATION, WS_1011_INTERNAL_ERROR
from starlette.websockets import WebSocket, WebSocketState

from keywright.core.errors import KeywrightError
from keywright.core.web.caller import request_id_of
from keywright.core.web.problem import problem_response

HANDLERS = "starlette.exception_handlers"  # of the application that the request is in
DENIAL = "websocket.http.response"  # the server can answer a handshake with more than a 403


def render_problems_of(connection: HTTPConnection) -> None:
    """An application that is mounted in another asks its own handlers alone, and has none for our
    errors unless it was installed into. Its own one stays.
    """
    handlers, _ = connection.scope.get(HANDLERS, ({}, {}))
    handlers.setdefault(KeywrightError, render_refusal)


async def render_refusal(connection: HTTPConnection, error: Exception) -> Response | None:
    assert isinstance(error, KeywrightError)
    response = problem_response(error, request_id_of(connection))
    if not isinstance(connection, WebSocket):
        return response
    if is_handshake(connection) and DENIAL in (connection.scope.get("extensions") or {}):
        return response
    await close(connection, error)
    return None


def is_handshake(socket: WebSocket) -> bool:
    return socket.application_state is WebSocketState.CONNECTING


async def close(socket: WebSocket, error: KeywrightError) -> None:
    """Before it is accepted, a server makes a bare 403 of it."""
    ours = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    code = WS_1011_INTERNAL_ERROR if ours else WS_1008_POLICY_VIOLATION
    if socket.application_state is not WebSocketState.DISCONNECTED:
        await socket.close(code, error.code)
