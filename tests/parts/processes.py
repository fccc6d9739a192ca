"""What the servers that tests start have in common."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

STARTUP_SECONDS = 30


class ServerDidNotStart(RuntimeError):
    """Never skipped over: a test that needs a server and has none has failed."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_server(command: list[str], log: Path, *, ready: str, **options: object) -> int:
    """Start a server that outlives this process; its pid, once the log says that it is ready."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **options,
        )
    wait_for(
        lambda: ready in log.read_text(errors="replace"),
        alive=lambda: process.poll() is None,
        what=f"{command[0]} did not start",
        log=log,
    )
    process.returncode = 0  # somebody else ends it: no warning about a process left running
    return process.pid


def wait_for(done: Callable[[], bool], *, alive: Callable[[], bool], what: str, log: Path) -> None:
    give_up = time.monotonic() + STARTUP_SECONDS
    while not done():
        if not alive() or time.monotonic() > give_up:
            raise ServerDidNotStart(f"{what}:\n{log.read_text(errors='replace')}")
        time.sleep(0.01)


def end_server(pid: int, signal: int) -> None:
    """Send `signal` and wait until the process is gone."""
    try:
        os.kill(pid, signal)
        while not ended(pid):
            time.sleep(0.01)
    except ProcessLookupError:
        pass


def ended(pid: int) -> bool:
    """Reaps it if it is our child, which would otherwise stay as a zombie."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        os.kill(pid, 0)
        return False
