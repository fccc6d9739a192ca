"""The servers of a run: a PostgreSQL that keeps its promises, and each subject's own process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from parts.postgres import SERVER_SETTINGS, PostgresServer, start_postgres
from parts.processes import end_server, free_port

from benchmarks.machine import move_to_cores, on_cores, resident_mib
from benchmarks.subject import Place, Subject

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
START_SECONDS = 60.0
STOP_SECONDS = 20.0


@contextmanager
def durable_postgres(cores: Sequence[int]) -> Iterator[PostgresServer]:
    directory = Path(tempfile.mkdtemp(prefix="keywright-bench-"))
    directory.chmod(0o755)  # the server may run as another user
    server = start_postgres(directory, {**SERVER_SETTINGS, **DURABLE})
    move_to_cores(server.pid, cores)
    try:
        yield server
    finally:
        end_server(server.pid, signal.SIGQUIT)
        shutil.rmtree(directory)


@dataclass
class Running:
    """One subject's server. `ready_after` is in seconds from the start of the process; `ready_mib`
    is what was resident then.
    """

    subject: Subject
    place: Place
    process: subprocess.Popen[bytes]
    ready_after: float
    ready_mib: float
    log: Path

    @property
    def resident_mib(self) -> float:
        return resident_mib(self.process.pid)

    def move_to(self, cores: Sequence[int]) -> None:
        move_to_cores(self.process.pid, cores)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def new_place(home: Path, database: str, users: int, sessions: int) -> Place:
    home.mkdir(parents=True)
    return Place(home, database, free_port(), users, sessions)


def start(subject: Subject, place: Place, cores: Sequence[int]) -> Running:
    """Raises `RuntimeError` with the end of its log when it does not come up."""
    command = subject.command(place)
    log = place.home / "server.log"
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*on_cores(cores), *command.arguments],
            env={**environment, **command.environment},
            cwd=command.folder or place.home,
            stdout=output,
            stderr=output,
        )
    while not subject.is_ready(place):
        if process.poll() is not None or time.perf_counter() - began > START_SECONDS:
            process.kill()
            raise RuntimeError(f"{subject.name} did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.005)
    ready_after = time.perf_counter() - began
    return Running(subject, place, process, ready_after, resident_mib(process.pid), log)
