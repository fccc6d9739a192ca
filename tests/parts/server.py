"""The real program: `keywright` commands, and servers that a test may stop or kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from parts.processes import ServerDidNotStart, free_port
from parts.server_logs import require_no_secrets

PROGRAM = Path(sys.executable).with_name("keywright")
START_SECONDS = 60
STOP_SECONDS = 30
# Passwords are hashed cheaply, so that a test's time goes into what it is about.
CHEAP = {"KEYWRIGHT_ARGON2_MEMORY_KIB": "8", "KEYWRIGHT_ARGON2_TIME_COST": "1"}
# What production insists on, without the prefix.
PRODUCTION = {
    "ENV": "production",
    "BASE_URL": "https://accounts.example.com",
    "SECRET_KEY": "8Rk2xqvVbYw0Jd5uXoPzLm7NcTgHsAeFiQ3",
    "MAIL_URL": "smtp://smtp.example.com",
    "MAIL_FROM": "Example <accounts@example.com>",
}
NOT_INHERITED = ("KEYWRIGHT_", "COLUMNS", "FORCE_COLOR", "NO_COLOR")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours, with `settings` (`{"ENV": "production"}`, no prefix) instead of any that we have."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(NOT_INHERITED)}
    named = {f"KEYWRIGHT_{name}": value for name, value in settings.items()}
    return {**inherited, **CHEAP, "COLUMNS": "200", **named}


def run_keywright(
    *arguments: str,
    directory: Path,
    settings: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in `directory`; its data are below it."""
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=directory,
        env=environment(settings or {}),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


@dataclass(frozen=True)
class RunningServer:
    """A `keywright serve` of its own. `log` holds its standard output and error."""

    base_url: str
    process: subprocess.Popen[bytes]
    log: Path

    def read_log(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """`kill -9`, with all its workers. Every server of a test ends here, its log is read."""
        self._send(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        require_no_secrets(self.read_log())

    def stop(self) -> int:
        """Ask it to stop, and wait for its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def wait_until_ready(self) -> None:
        self.wait_until(partial(answers, f"{self.base_url}/system/health/ready"), "never ready")

    def wait_until(self, done: Callable[[], bool], complaint: str) -> None:
        give_up = time.monotonic() + START_SECONDS
        while not done():
            if self.process.poll() is not None or time.monotonic() > give_up:
                raise ServerDidNotStart(f"{complaint}:\n{self.read_log()}")
            time.sleep(0.02)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=START_SECONDS) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def start_keywright(
    directory: Path,
    settings: Mapping[str, str] | None = None,
    *arguments: str,
    port: int | None = None,
    app: str | None = None,
) -> RunningServer:
    """Start `keywright serve` and return at once; use `keywright_server` to wait for it.

    `app` is an application's own Keywright object, as in `myapp:kw`.
    """
    port = free_port() if port is None else port
    log = directory / f"serve-{port}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [PROGRAM, *(["--app", app] if app else []), "serve", "--port", str(port), *arguments],
            cwd=directory,
            env=environment(settings or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return RunningServer(f"http://127.0.0.1:{port}", process, log)


@contextmanager
def keywright_server(
    directory: Path,
    settings: Mapping[str, str] | None = None,
    *arguments: str,
    port: int | None = None,
) -> Iterator[RunningServer]:
    """A server that is ready. `directory` is its working directory, with its data below it."""
    server = start_keywright(directory, settings, *arguments, port=port)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.kill()


Serve = Callable[..., AbstractContextManager[RunningServer]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Starts servers in the test's own folder; called as `keywright_server` without one."""
    return partial(keywright_server, tmp_path)
