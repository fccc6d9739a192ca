"""Real server processes that share a database, and perhaps a Valkey, and nothing else."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest
from parts.server import START_SECONDS, RunningServer, keywright_server, start_keywright
from redis import Redis

from keywright.migrations import HEAD

pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("quick_starts")]
ADA, PASSWORD = "ada@example.com", "correct horse battery"
SHARED = {
    "BASE_URL": "http://127.0.0.1:8000",
    "SECRET_KEY": "the one secret of all these processes",
    "REQUIRE_VERIFICATION": "false",
}
AGREED_SECONDS = 5
AT_ONCE_SECONDS = 1  # without a word from the other, the next reading is up to 2 s away
POLL_SECONDS = 0.02
LOGINS_A_MINUTE = 5
Ask = Callable[..., httpx.Response]


class Process:
    """One process at its port. Each request has a connection of its own."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def ask(self, method: str, path: str, token: str | None = None, **body: str) -> httpx.Response:
        return httpx.request(
            method,
            f"{self.base_url}{path}",
            json=body or None,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=START_SECONDS,
            trust_env=False,
            verify=False,
        )


def register(ask: Ask) -> None:
    assert ask("POST", "/api/v1/auth/register", email=ADA, password=PASSWORD).status_code == 201


def login(ask: Ask, password: str = PASSWORD) -> httpx.Response:
    body = {"email": ADA, "password": password, "token_transport": "body"}
    return ask("POST", "/api/v1/auth/login", **body)


def sign_in(ask: Ask) -> str:
    token: str = login(ask).json()["access_token"]
    return token


def sign_out(ask: Ask, token: str) -> None:
    assert ask("POST", "/api/v1/auth/logout", token).status_code == 204


def me(ask: Ask, token: str) -> int:
    return ask("GET", "/api/v1/auth/me", token).status_code


def seconds_until_refused(ask: Ask, token: str) -> float:
    began = time.monotonic()
    while me(ask, token) == 200 and time.monotonic() < began + START_SECONDS:
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def seconds_to_agree(here: Ask, there: Ask) -> float:
    """From a session's end in one process to its end in another."""
    token = sign_in(here)
    assert me(there, token) == 200
    sign_out(here, token)
    assert me(here, token) == 401
    return seconds_until_refused(there, token)


@contextmanager
def two_servers(folder: Path, settings: dict[str, str]) -> Iterator[list[RunningServer]]:
    """Started at the same time, and ready."""
    with ExitStack() as stack:
        servers = [start_keywright(folder, settings) for _ in range(2)]
        for server in servers:
            stack.callback(server.kill)
        for server in servers:
            server.wait_until_ready()
        yield servers


@pytest.fixture
def through_database(tmp_path: Path, postgres_url: str) -> Iterator[list[Ask]]:
    settings = SHARED | {"DATABASE_URL": postgres_url}
    with two_servers(tmp_path, settings) as servers:
        yield [Process(server.base_url).ask for server in servers]


@pytest.fixture
def through_valkey(tmp_path: Path, postgres_url: str, valkey_url: str) -> Iterator[list[Ask]]:
    settings = SHARED | {"DATABASE_URL": postgres_url, "CACHE_URL": valkey_url}
    with two_servers(tmp_path, settings) as servers:
        yield [Process(server.base_url).ask for server in servers]


def test_on_one_postgresql_they_agree_about_an_ended_session_and_share_limits(through_database):
    here, there = through_database
    register(here)
    assert seconds_to_agree(here, there) < AGREED_SECONDS
    assert seconds_to_agree(there, here) < AGREED_SECONDS
    expect_shared_limit(here, there, used=2)


def test_with_valkey_the_other_knows_at_once_and_limits_are_counted_there(
    through_valkey, valkey_url
):
    here, there = through_valkey
    register(here)
    seconds = [seconds_to_agree(*through_valkey) for _ in range(3)]
    assert max(seconds) < AGREED_SECONDS
    assert statistics.median(seconds) < AT_ONCE_SECONDS
    expect_shared_limit(here, there, used=3)
    with Redis.from_url(valkey_url) as valkey:
        (counted,) = valkey.keys("*login*")
        assert int(valkey.get(counted)) >= LOGINS_A_MINUTE


def expect_shared_limit(here: Ask, there: Ask, *, used: int) -> None:
    """Five sign-ins a minute from one address, however many processes it asks."""
    allowed = LOGINS_A_MINUTE - used
    tries = [login((here, there)[n % 2], "a wrong password").status_code for n in range(allowed)]
    assert tries == [401] * allowed
    assert [login(ask).status_code for ask in (here, there)] == [429, 429]


def test_two_starting_at_once_in_one_empty_folder_make_one_schema_one_secret_and_one_key(tmp_path):
    """On SQLite, in development, with nothing set but the address that both are reached at."""
    settings = {"BASE_URL": SHARED["BASE_URL"], "REQUIRE_VERIFICATION": "false"}
    with two_servers(tmp_path, settings) as servers:
        here, there = (Process(server.base_url).ask for server in servers)
        keys = [ask("GET", "/.well-known/jwks.json").json()["keys"] for ask in (here, there)]
        assert keys[0] == keys[1]
        assert len(keys[0]) == 1
        register(here)
        assert me(there, sign_in(here)) == 200
        assert me(here, sign_in(there)) == 200
    with closing(sqlite3.connect(tmp_path / "data" / "keywright.db")) as file:
        assert file.execute("SELECT version_num FROM kw_alembic_version").fetchall() == [(HEAD,)]


def test_workers_of_one_server_agree_about_an_ended_session_and_share_limits(
    tmp_path: Path, postgres_url: str
) -> None:
    settings = SHARED | {"DATABASE_URL": postgres_url}
    with keywright_server(tmp_path, settings, "--workers", "2") as server:
        here, there = workers_of(server)
        register(here)
        assert seconds_to_agree(here, there) < AGREED_SECONDS
        assert seconds_to_agree(there, here) < AGREED_SECONDS
        expect_shared_limit(here, there, used=2)


def workers_of(server: RunningServer) -> list[Ask]:
    """The same port, of which the other worker takes nothing while it is asked."""
    server.wait_until(lambda: server.read_log().count("startup complete") == 2, "no two workers")
    pids = [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", server.read_log())]
    return [while_stopped(pid, Process(server.base_url).ask) for pid in pids]


def while_stopped(pid: int, ask: Ask) -> Ask:
    def asking(*args: str | None, **body: str) -> httpx.Response:
        os.kill(pid, signal.SIGSTOP)
        try:
            return ask(*args, **body)
        finally:
            os.kill(pid, signal.SIGCONT)

    return asking
