"""A websocket client in the test's own event loop, and the cookie that a browser would send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from keywright.accounts.users import service as users
from keywright.core.web.caller import Caller
from keywright.core.web.cookies import page_cookie
from keywright.flows.open_session import open_session_for_pages
from keywright.testing import KeywrightUnderTest

DENIAL: Mapping[str, Any] = {"websocket.http.response": {}}


@dataclass
class Handshake:
    """What came of it. `status` and `problem` are there where the server could say why not."""

    sent: list[dict[str, Any]] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        return any(message["type"] == "websocket.accept" for message in self.sent)

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.sent if message["type"] == "websocket.send"]

    @property
    def closed(self) -> tuple[int, str] | None:
        for message in self.sent:
            if message["type"] == "websocket.close":
                return message["code"], message["reason"]
        return None

    @property
    def status(self) -> int | None:
        starts = [one for one in self.sent if one["type"] == "websocket.http.response.start"]
        return starts[0]["status"] if starts else None

    @property
    def problem(self) -> dict[str, Any]:
        bodies = [one for one in self.sent if one["type"] == "websocket.http.response.body"]
        found: dict[str, Any] = json.loads(b"".join(one["body"] for one in bodies))
        return found


async def shake_hands(
    app: ASGIApp,
    path: str,
    headers: Mapping[str, str],
    extensions: Mapping[str, Any] = DENIAL,
) -> Handshake:
    """Ask for a socket, say nothing, and listen until the application has ended."""
    handshake, gone = Handshake(), asyncio.Event()
    messages = [{"type": "websocket.connect"}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Any) -> None:
        handshake.sent.append(message)

    await app(scope_of(path, headers, extensions), receive, send)
    return handshake


def scope_of(
    path: str, headers: Mapping[str, str], extensions: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "subprotocols": [],
        "extensions": dict(extensions),
    }


async def page_session_cookie(kw: KeywrightUnderTest, email: str = "ada@example.com") -> str:
    """As a `Cookie` header: what a sign-in on the hosted pages leaves in a browser."""
    context = kw.keywright.context
    made = await kw.create_user(email)
    record = await users.get(context.db, made.id)
    caller = Caller("127.0.0.1", "127.0.0.1", "pytest", "req_testing")
    secret = await open_session_for_pages(context, record, caller, amr=("pwd",))
    return f"{page_cookie(context.settings).full_name}={secret}"
