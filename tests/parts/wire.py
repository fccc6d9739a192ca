"""The wire to a server: counts what is asked on it, and can be cut around a word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Wire:
    """`requests` counts the client's flights, which are round trips. Once the client says
    `cut_before`, the wire is cut before the server hears it; `cut_after`, once it has answered.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.requests = 0
        self.cut_before: bytes | None = None
        self.cut_after: bytes | None = None

    async def carry(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        server, forth = await asyncio.open_connection("127.0.0.1", self._target)
        losing = asyncio.Event()
        answers = asyncio.ensure_future(self._carry_answers(server, back, losing))
        try:
            while request := await client.read(65_536):
                self.requests += 1
                if self.cut_before and self.cut_before in request:
                    self.cut_before = None
                    break
                if self.cut_after and self.cut_after in request:
                    self.cut_after = None
                    losing.set()
                forth.write(request)
        except OSError:
            pass
        finally:
            answers.cancel()
            back.transport.abort()
            forth.close()

    async def _carry_answers(
        self, server: asyncio.StreamReader, back: asyncio.StreamWriter, losing: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while (answer := await server.read(65_536)) and not losing.is_set():
                back.write(answer)
        back.transport.abort()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to the server of `url`, and the address to reach the server through it."""
    port = urlsplit(url).port
    assert port is not None
    wire = Wire(port)
    listener = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    near = listener.sockets[0].getsockname()[1]
    try:
        yield wire, url.replace(f":{port}/", f":{near}/")
    finally:
        listener.close()
