"""Broken HTTP, sent to a real server: it answers 4xx or hangs up, and goes on serving."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from parts.server import RunningServer, answers, keywright_server

LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\n"
JSON = b"Content-Type: application/json\r\n"
MEGABYTE = 1 << 20
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

BROKEN = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "another protocol": b"GET / FTP/1.1\r\n\r\n",
    "a bare NUL": b"\0" * 100 + b"\r\n\r\n",
    "NUL in the path": b"GET /api/v1/auth/\0me HTTP/1.1\r\nHost: a\r\n\r\n",
    "NUL in a header": LOGIN + b"X-A: a\0b\r\nContent-Length: 0\r\n\r\n",
    "%00 in the path": b"GET /api/v1/auth/sessions/%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "half an escape": b"GET /api/v1/auth/me%f?x=%%% HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes in the path": b"GET /api/v1/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute address": b"GET http://evil.example/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long path": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "a long header": LOGIN + b"X-A: " + b"x" * 200_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "many headers": LOGIN + b"X-A: b\r\n" * 20_000 + b"Content-Length: 0\r\n\r\n",
    "no name of a header": LOGIN + b": x\r\n\r\n",
    "a space before the colon": LOGIN + b"Content-Length : 2\r\n\r\n{}",
    "1 MB with a length": LOGIN + JSON + b"Content-Length: 1048576\r\n\r\n" + b"x" * MEGABYTE,
    "1 MB in chunks": LOGIN
    + JSON
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + CHUNK * 16
    + b"0\r\n\r\n",
    "a length that is none": LOGIN + JSON + b"Content-Length: -1\r\n\r\n{}",
    "a length of 5,000 digits": LOGIN + JSON + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "two lengths": LOGIN + JSON + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": LOGIN
    + JSON
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk that is none": LOGIN + JSON + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "two types": LOGIN + JSON + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n[]",
    "a body cut short": LOGIN + JSON + b'Content-Length: 20\r\n\r\n{"email": ',
    "a method that nobody knows": b"BREW /api/v1/auth/login HTTP/1.1\r\nHost: a\r\n\r\n",
}


def send(server: RunningServer, content: bytes) -> bytes:
    """Everything that it says to this, until it hangs up or waits for more."""
    address = urlsplit(server.base_url)
    received = b""
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                received += part
        except (ConnectionResetError, BrokenPipeError):
            pass  # it had heard enough
    return received


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with keywright_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_http_is_refused_and_harms_nobody_else(
    server: RunningServer, content: bytes
) -> None:
    answer = send(server, content)
    status = answer.split(b" ", 2)[1:2]
    assert answer == b"" or (status and status[0].startswith(b"4")), answer[:300]
    assert answers(f"{server.base_url}/system/health/live")
    assert "Traceback" not in server.read_log()
    assert "unexpected_error" not in server.read_log()
