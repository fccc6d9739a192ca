"""The floor's ASGI (3.0), without its routes: a table of them, and a body read to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.floor_store import Store
from benchmarks.floor_tokens import Refused

OK, UNAUTHORIZED = 200, 401

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Route = Callable[[Scope, Receive], Awaitable[bytes]]


class Application:
    """A route answers JSON, or raises `Refused`."""

    def __init__(self, store: Store, routes: dict[str, Route]) -> None:
        self.store, self._routes = store, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.live(receive, send)
        route = self._routes.get(scope["path"], self.nothing)
        try:
            status, body = OK, await route(scope, receive)
        except Refused:
            status, body = UNAUTHORIZED, b'{"code":"not_authenticated"}'
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return None

    async def live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.store.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.store.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def nothing(self, _scope: Scope, _receive: Receive) -> bytes:
        raise Refused


def header(scope: Scope, wanted: bytes) -> bytes | None:
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return None


async def body_of(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body
