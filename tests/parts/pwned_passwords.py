"""A stand-in for the Pwned Passwords range service, over real HTTP.

https://haveibeenpwned.com/API/v3#SearchingPwnedPasswordsByRange
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class PwnedPasswords(ThreadingHTTPServer):
    """`breached` says how often each password was found; `asked` what came in."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RangeHandler)
        self.breached: dict[str, int] = {}
        self.asked: list[tuple[str, Message]] = []
        self.status = 200
        self.body: str | None = None
        self.answering = threading.Event()
        self.answering.set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def lines(self, prefix: str, *, padded: bool) -> str:
        digests = {
            hashlib.sha1(password.encode()).hexdigest().upper(): count
            for password, count in self.breached.items()
        }
        found = [f"{d[5:]}:{count}" for d, count in digests.items() if d[:5] == prefix]
        padding = [f"{number:035X}:0" for number in range(800)] if padded else []
        return "\r\n".join([*found, *padding])


class RangeHandler(BaseHTTPRequestHandler):
    server: PwnedPasswords

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers))
        self.server.answering.wait()
        prefix = self.path.removeprefix("/range/")
        padded = self.headers["Add-Padding"] == "true"
        body = self.server.body or self.server.lines(prefix, padded=padded)
        self.send_response(self.server.status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def pwned_passwords() -> Iterator[PwnedPasswords]:
    server = PwnedPasswords()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.answering.set()
        server.shutdown()
        thread.join()
        server.server_close()
