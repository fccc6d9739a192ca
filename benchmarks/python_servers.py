"""uvicorn, and granian (written in Rust), which is fetched beside this environment's packages."""

from __future__ import annotations

import os
import sys
from enum import StrEnum

from benchmarks.peers.python_environment import CACHE, ROOT, run_uv

GRANIAN = "granian==2.8.7"
FOLDER = CACHE / "granian"


class Server(StrEnum):
    UVICORN = "uvicorn"
    GRANIAN = "granian"


OPTIONS = {
    Server.UVICORN: [
        "--http=httptools",  # uvicorn's documentation, "Settings", "Implementation"
        "--interface=asgi3",
        "--ws=none",
        "--log-level=warning",
        "--no-access-log",
    ],
    Server.GRANIAN: [
        "--interface=asgi",
        "--http=1",  # granian's README, "Options": no look at each connection for HTTP/2
        "--no-ws",
        "--workers=1",
        "--runtime-mode=st",
        "--log-level=warning",
    ],
}


def install_granian() -> None:
    """Without its one dependency, click, which is there already."""
    stamp = FOLDER / "installed"
    if stamp.exists() and stamp.read_text() == GRANIAN:
        return
    fetch = ["pip", "install", "--python", sys.executable, "--no-deps", "--only-binary", ":all:"]
    run_uv(*fetch, "--target", str(FOLDER), GRANIAN)
    stamp.write_text(GRANIAN)


def search_path(server: Server) -> dict[str, str]:
    """Where the server finds these programs, and itself."""
    folders = [ROOT, FOLDER] if server is Server.GRANIAN else [ROOT]
    return {"PYTHONPATH": os.pathsep.join(map(str, folders))}


def serving(server: Server, factory: str, port: int) -> list[str]:
    common = ["--factory", "--loop=uvloop", "--host=127.0.0.1", f"--port={port}"]
    return [sys.executable, "-m", server.value, *common, *OPTIONS[server], factory]
