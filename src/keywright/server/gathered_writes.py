"""Fewer writes: uvicorn writes head and body apart, and each write wakes who waits for it.

A lone answer leaves in one write. Answers to requests that are under way together leave at the end
of the event loop's turn, one after the other: so much less switching is worth more than their wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_GATHERED = 65_536  # bytes; more is not worth keeping, and the transport must see it to object


class GatheredWrites:
    """A transport for one connection. `under_way` are the requests of all connections."""

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, under_way: Sized
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._under_way = under_way
        self._gathered: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        self._gathered.append(data)
        self._size += len(data)
        if len(self._gathered) == 1:
            self._loop.call_soon(self.flush)
        elif len(self._under_way) == 1 or self._size > MOST_GATHERED:
            self.flush()

    def flush(self) -> None:
        gathered, self._gathered, self._size = self._gathered, [], 0
        if gathered and not self._transport.is_closing():
            self._transport.write(b"".join(gathered))

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """All else is the transport's own."""
        return getattr(self._transport, name)


class GatheringProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, over `GatheredWrites`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        gathered = GatheredWrites(transport, self.loop, self.tasks)
        super().connection_made(cast("asyncio.Transport", gathered))
