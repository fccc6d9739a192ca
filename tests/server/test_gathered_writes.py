"""Over real sockets: what leaves is what was answered, in fewer writes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn import Config
from uvicorn.server import ServerState

from keywright.server.gathered_writes import MOST_GATHERED, GatheredWrites, GatheringProtocol

pytestmark = pytest.mark.anyio
MANY = 40
CHUNK, CHUNKS = b"x" * 100_000, 200


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many of uvicorn's writes each write to a socket held."""
    sizes: list[int] = []
    flush = GatheredWrites.flush

    def counted(self: GatheredWrites) -> None:
        if self._gathered:
            sizes.append(len(self._gathered))
        flush(self)

    monkeypatch.setattr(GatheredWrites, "flush", counted)
    return sizes


async def fine(request: Request) -> Response:
    return PlainTextResponse("fine")


async def empty(request: Request) -> Response:
    return Response(status_code=204)


async def endless(request: Request) -> Response:
    return StreamingResponse(chunks())


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """The port of a server."""
    routes = [Route("/fine", fine), Route("/empty", empty), Route("/endless", endless)]
    config = Config(Starlette(routes=routes), ws="none", log_config=None)
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: GatheringProtocol(config, ServerState(), {}), "127.0.0.1", 0
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


async def kept_open(port: int, head: str, end: bytes) -> bytes:
    """What comes back on a connection that nobody closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}\r\nHost: kw\r\n\r\n".encode())
    async with asyncio.timeout(5):
        answer = await reader.readuntil(end)
    writer.close()
    await writer.wait_closed()
    return answer


async def asked(port: int, *heads: str) -> bytes:
    """All that comes back on one connection, whose last request closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    *others, last = (f"{head}\r\nHost: kw\r\n" for head in heads)
    writer.write("\r\n".join([*others, f"{last}Connection: close\r\n\r\n"]).encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_lone_answer_leaves_in_one_write(writes: list[int]) -> None:
    async with serving() as port:
        answer = await asked(port, "GET /fine HTTP/1.1")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nfine")
    assert writes == [2]


async def test_answers_without_a_body_leave_too() -> None:
    async with serving() as port:
        head = await asked(port, "HEAD /fine HTTP/1.1")
        empty = await asked(port, "GET /empty HTTP/1.1")
        broken = await asked(port, "nonsense")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert head.endswith(b"\r\n\r\n")
    assert empty.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert broken.startswith(b"HTTP/1.1 400 ")


async def test_a_head_alone_leaves_though_the_connection_stays_open() -> None:
    async with serving() as port:
        head = await kept_open(port, "HEAD /fine HTTP/1.1", b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")


class Wire(asyncio.Transport):
    """What would have left so far."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.left.append(bytes(data))

    def is_closing(self) -> bool:
        return False


async def test_only_who_is_not_alone_waits_for_the_turn_to_end() -> None:
    wire, under_way = Wire(), {"one request"}
    gathered = GatheredWrites(wire, asyncio.get_running_loop(), under_way)
    gathered.write(b"head ")
    gathered.write(b"body")
    assert wire.left == [b"head body"]
    under_way.add("another")
    gathered.write(b"head ")
    gathered.write(b"body")
    assert wire.left == [b"head body"]
    await asyncio.sleep(0)
    assert wire.left == [b"head body", b"head body"]


async def test_no_more_is_gathered_than_the_transport_should_hear_of_late() -> None:
    wire = Wire()
    gathered = GatheredWrites(wire, asyncio.get_running_loop(), {"one", "another"})
    gathered.write(b"head")
    gathered.write(b"x" * MOST_GATHERED)
    assert len(wire.left) == 1


async def test_requests_of_one_connection_are_answered_in_their_order() -> None:
    async with serving() as port:
        answer = await asked(port, "GET /fine HTTP/1.1", "GET /empty HTTP/1.1", "GET /no HTTP/1.1")
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"204", b"404"]


async def test_everybody_gets_their_own_answer(writes: list[int]) -> None:
    async with serving() as port:
        asking = (kept_open(port, "GET /fine HTTP/1.1", b"fine") for _ in range(MANY))
        answers = await asyncio.gather(*asking)
    assert all(answer.endswith(b"\r\n\r\nfine") for answer in answers)
    assert sum(writes) == 2 * MANY


async def test_a_long_answer_arrives_whole() -> None:
    async with serving() as port:
        answer = await asked(port, "GET /endless HTTP/1.1")
    assert answer.count(b"x") == CHUNKS * len(CHUNK)
    assert answer.endswith(b"\r\n0\r\n\r\n")
