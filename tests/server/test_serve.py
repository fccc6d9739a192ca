"""`keywright serve` as it is started, refused, stopped and killed."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.request
from urllib.parse import urlsplit

import httpx
import pytest
from parts.processes import free_port
from parts.server import PRODUCTION, RunningServer, keywright_server, start_keywright

from keywright.core.redaction import MASK

pytestmark = pytest.mark.timeout(240)


def read(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=30) as response:
        answer: dict = json.load(response)
    return answer


def test_on_an_empty_folder_it_migrates_starts_and_says_what_to_do(serve):
    with serve() as server:
        said = server.read_log()
        assert f"is at {server.base_url}\n" in said
        assert f"every mail: {server.base_url}/dev/mail" in said
        assert "keywright user create --email you@example.com --role admin" in said
        assert read(f"{server.base_url}/system/health/ready")["status"] == "ok"
        assert len(read(f"{server.base_url}/.well-known/jwks.json")["keys"]) == 1
        with urllib.request.urlopen(f"{server.base_url}/dev/mail", timeout=30) as page:
            assert page.status == 200
            assert "server" not in page.headers


def test_with_an_administrator_it_does_not_ask_for_one(keywright, serve):
    made = keywright("user", "create", "--email", "ada@example.com", "--role", "admin")
    assert made.code == 0, made.err
    with serve() as server:
        assert "administrator" not in server.read_log()


def test_the_command_line_writes_beside_a_running_server(keywright, serve):
    with serve() as server:
        for number in range(3):
            made = keywright("user", "create", "--email", f"person{number}@example.com")
            assert made.code == 0, made.err
        assert len(keywright("user", "list", "--json").json()) == 3
        assert read(f"{server.base_url}/system/health/ready")["status"] == "ok"
        server.wait_until(lambda: server.read_log().count("development_mail") == 3, "mails")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_gracefully(serve, number):
    with serve() as server:
        server.process.send_signal(number)
        assert server.process.wait(30) == 0
        said = server.read_log()
    assert "shutdown complete" in said
    assert "Traceback" not in said


def test_requests_under_way_are_finished(serve):
    body = b'{"password": "correct horse battery"}'
    head = (
        "POST /api/v1/auth/password-strength HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with serve() as server, socket.create_connection(address_of(server)) as client:
        client.sendall(head.encode())
        assert client.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"  # it waits for the body now
        server.process.send_signal(signal.SIGTERM)
        server.wait_until(lambda: "Shutting down" in server.read_log(), "it goes on")
        client.sendall(body)
        assert client.recv(1024).startswith(b"HTTP/1.1 200")
        assert server.process.wait(30) == 0


def address_of(server: RunningServer) -> tuple[str, int]:
    parts = urlsplit(server.base_url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def test_killed_it_starts_again_on_the_same_data(serve, tmp_path):
    with serve() as server:
        first = read(f"{server.base_url}/.well-known/jwks.json")
        server.kill()
    with serve() as server:
        assert read(f"{server.base_url}/.well-known/jwks.json") == first


def test_its_address_is_the_base_url_in_development(serve):
    with serve({}, "--host", "localhost", port=(port := free_port())) as server:
        assert f"is at http://localhost:{port}\n" in server.read_log()


def test_port_0_takes_a_free_one(tmp_path):
    server = start_keywright(tmp_path, {}, port=0)
    try:
        server.wait_until(lambda: "startup complete" in server.read_log(), "no start")
        found = re.search(r"is at (http://127\.0\.0\.1:(\d+))\n", server.read_log())
        assert found is not None
        assert int(found[2]) > 0
        assert read(f"{found[1]}/system/health/ready")["status"] == "ok"
    finally:
        server.kill()


def test_lines_go_through_our_pipeline_and_keep_queries_to_themselves(serve):
    with serve({"LOG_FORMAT": "json"}) as server:
        read(f"{server.base_url}/.well-known/jwks.json?token=verysecret")
        server.wait_until(lambda: "jwks.json" in server.read_log(), "no access log")
        lines = [line for line in server.read_log().splitlines() if line.startswith("{")]
    events = [json.loads(line) for line in lines]
    (request,) = [event for event in events if event["event"] == "request"]
    assert request["logger"] == "keywright.access"
    assert (request["method"], request["path"]) == ("GET", "/.well-known/jwks.json")
    assert (request["status"], request["ip"]) == (200, "127.0.0.1")
    assert request["request_id"].startswith("req_")
    assert not any("verysecret" in line for line in lines)
    assert not any(event["logger"] == "uvicorn.access" for event in events)


def test_several_workers_share_postgresql(serve, postgres_url):
    with serve({"DATABASE_URL": postgres_url}, "--workers", "2") as server:
        for _ in range(10):
            assert read(f"{server.base_url}/system/health/ready")["status"] == "ok"
        assert server.stop() == 0
        assert "Traceback" not in server.read_log()


def test_two_servers_at_once_on_an_empty_database_both_come_up(postgres_url, tmp_path):
    settings = {"DATABASE_URL": postgres_url, "SECRET_KEY": "one-secret-for-both-of-the-servers"}
    servers = [start_keywright(tmp_path, settings) for _ in range(2)]
    try:
        for server in servers:
            server.wait_until_ready()
        published = [read(f"{server.base_url}/.well-known/jwks.json") for server in servers]
        assert published[0] == published[1]
        assert len(published[0]["keys"]) == 1
    finally:
        for server in servers:
            server.kill()


def test_production_on_postgresql_refuses_pending_migrations(keywright, postgres_url, tmp_path):
    settings = {"DATABASE_URL": postgres_url, **PRODUCTION}
    refused = keywright("serve", "--port", str(free_port()), **settings)
    assert refused.code == 1
    assert "`keywright migrate`" in refused.err
    assert keywright("migrate", **settings).code == 0
    with keywright_server(tmp_path, settings) as server:
        said = server.read_log()
        assert "is at https://accounts.example.com\n" in said
        assert "/dev/mail" not in said


@pytest.mark.parametrize(
    ("settings", "arguments", "sentence"),
    [
        ({}, ("--workers", "2"), "PostgreSQL"),
        ({}, ("--host", "0.0.0.0"), "KEYWRIGHT_ENV=production"),
        ({"ENV": "production"}, (), "KEYWRIGHT_BASE_URL"),
        ({**PRODUCTION, "SECRET_KEY": "short"}, (), "openssl rand -base64 48"),
        ({"DATABASE_URL": "mysql://x/y"}, (), "SQLite and PostgreSQL"),
        ({"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/kw"}, (), "cannot be reached"),
        ({"MAIL_URL": "http://x"}, (), "KEYWRIGHT_MAIL_URL"),
        ({}, ("--host", "192.0.2.1"), "KEYWRIGHT_ENV=production"),
        ({"ENV": "development"}, ("--host", "192.0.2.1"), "Cannot listen on 192.0.2.1"),
    ],
    ids=str,
)
def test_a_start_that_is_refused_says_why_in_one_sentence(keywright, settings, arguments, sentence):
    refused = keywright("serve", "--port", str(free_port()), *arguments, **settings)
    assert refused.code == 1
    assert sentence in refused.err
    assert refused.err.startswith("keywright: ")
    assert "hidden" not in refused.err


def test_a_port_in_use_is_named(keywright):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = keywright("serve", "--port", port)
    assert refused.code == 1
    assert refused.err.startswith(f"keywright: Port {port} on 127.0.0.1 is in use")


def test_keys_that_cannot_be_opened_stop_the_start(keywright):
    keywright("key", "rotate", SECRET_KEY="the-first-secret-of-this-server-0123")
    refused = keywright(
        *("serve", "--port", str(free_port())), SECRET_KEY="another-secret-of-this-server-4567"
    )
    assert refused.code == 1
    assert "KEYWRIGHT_SECRET_KEYS_OLD" in refused.err


def test_an_applications_own_keywright_is_served(tmp_path):
    (tmp_path / "myapp.py").write_text(
        "from keywright import Keywright, Settings\n"
        "kw = Keywright(Settings(app_name='Gallery', data_dir='of_host'))\n"
    )
    server = start_keywright(tmp_path, {}, port=(port := free_port()), app="myapp:kw")
    try:
        server.wait_until_ready()
        document = read(f"http://127.0.0.1:{port}/openapi.json")
        assert document["info"]["title"] == "Gallery"
        assert (tmp_path / "of_host" / "keywright.db").exists()
        signed_up = httpx.post(
            f"http://127.0.0.1:{port}/api/v1/auth/register",
            json={"email": "ada@example.com", "password": "a horse that reads 40 books"},
        )
        assert signed_up.status_code == 202, signed_up.text
        server.wait_until(lambda: "verify-email?token=" in server.read_log(), "no mail")
    finally:
        server.kill()


def test_what_an_application_logs_by_structlog_takes_the_same_way(tmp_path):
    (tmp_path / "talkative.py").write_text(
        "import structlog\n"
        "from keywright import Keywright, UserRegistered\n"
        "kw = Keywright()\n"
        "@kw.hooks.on(UserRegistered)\n"
        "async def tell(event, tx):\n"
        "    structlog.get_logger('talkative').info('welcome', token='hunter2')\n"
    )
    server = start_keywright(tmp_path, {}, port=(port := free_port()), app="talkative:kw")
    try:
        server.wait_until_ready()
        httpx.post(
            f"http://127.0.0.1:{port}/api/v1/auth/register",
            json={"email": "ada@example.com", "password": "a horse that reads 40 books"},
        )
        server.wait_until(lambda: "welcome" in server.read_log(), "no line")
        (told,) = [line for line in server.read_log().splitlines() if "welcome" in line]
        line = json.loads(told)
        assert (line["event"], line["logger"], line["token"]) == ("welcome", "talkative", MASK)
        assert line["request_id"]
    finally:
        server.kill()


def test_an_application_runs_its_own_workers(keywright, home, monkeypatch):
    (home / "theirapp.py").write_text("from keywright import Keywright\nkw = Keywright()\n")
    monkeypatch.syspath_prepend(home)
    refused = keywright(
        *("--app", "theirapp:kw", "serve", "--workers", "2"),
        DATABASE_URL="postgresql://127.0.0.1:1/kw",
    )
    assert refused.code == 1
    assert "--workers is for the standalone server" in refused.err


def test_reload_starts_again_when_a_file_changes(serve, tmp_path):
    (tmp_path / "watched.py").write_text("")
    with serve({}, "--reload") as server:
        starts = server.read_log().count("startup complete")
        (tmp_path / "watched.py").write_text("changed = True\n")
        server.wait_until(
            lambda: server.read_log().count("startup complete") > starts, "no second start"
        )
        server.wait_until_ready()
        assert server.stop() == 0
