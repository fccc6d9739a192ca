"""Whatever stands in the settings, every command ends in sentences that say what to do."""

from __future__ import annotations

import pytest
from parts.server import PRODUCTION, run_keywright

ODD_PASSWORDS = [
    "hunter2/Xyzzy",
    "8080/hunter2",
    "hunter2?Xyzzy",
    "hunter2#Xyzzy",
    "hunter2[Xyzzy",
    "hunter2]Xyzzy",
    "[hunter2]",
    "hunter2@Xyzzy",
    "@hunter2/Xyzzy",
    "hunter2:Xyzzy",
    "hunter2%Xyzzy",
    "hunter2%ff",
    "hunter2\u2100Xyzzy",
    "hunter2\nXyzzy",
    "hunter2 Xyzzy",
]
COMMANDS = [("serve", "--port", "0"), ("migrate",), ("doctor",)]


def refuse(answer) -> str:
    """All that it said, having ended with a refusal and not in a traceback."""
    said = answer.out + answer.err
    assert answer.code == 1, said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("password", ODD_PASSWORDS)
def test_no_part_of_a_databases_password_is_said(keywright, command, password):
    url = f"postgresql://app:{password}@127.0.0.1:1/app"
    said = refuse(keywright(*command, DATABASE_URL=url))
    assert "KEYWRIGHT_DATABASE_URL" in said or "cannot be reached" in said
    assert "hunter2" not in said
    assert "Xyzzy" not in said


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@[::1/x",
        "postgresql://u:hunter2@h:port/x",
        "u:hunter2@h/x",
        "postgresql://127.0.0.1:1/x?sslmode=hunter2",
        "postgresql:///x?port=hunter2",
        "postgresql://127.0.0.1:1/x?ssl_min_protocol_version=hunter2",
        f"postgresql://{'a' * 64}.example/hunter2",
        "sqlite:///hunter2%00",
    ],
)
def test_an_address_that_cannot_be_used_is_named(keywright, command, url):
    said = refuse(keywright(*command, DATABASE_URL=url))
    assert "KEYWRIGHT_DATABASE_URL" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("password", ODD_PASSWORDS)
@pytest.mark.parametrize("setting", ["CACHE_URL", "MAIL_URL"])
def test_no_part_of_another_password_is_said(keywright, setting, password):
    scheme = "redis" if setting == "CACHE_URL" else "smtp"
    settings = {setting: f"{scheme}://app:{password}@127.0.0.1:1"}
    answer = keywright("doctor", **settings)
    assert f"KEYWRIGHT_{setting}" in answer.out
    said = answer.out + answer.err + keywright("user", "list", **settings).err
    assert "Traceback" not in said
    assert "hunter2" not in said
    assert "Xyzzy" not in said


FILES = [
    ("keywright.toml", b'secret_key = "hunter2\napp_name = 1', "not TOML (at line 1"),
    ("keywright.toml", b"secret_key = 'hunter2'\nsecret_key = 'hunter2'\n", "not TOML (at line 2"),
    ("keywright.toml", b"max_sessions = " + b"1" * 5000, "not TOML"),
    ("keywright.toml", b'app_name = "x"\nsecret_key = "hunter2\xe9"', "not UTF-8 (line 2)"),
    ("keywright.toml", 'app_name = "hunter2"'.encode("utf-16"), "not UTF-8 (line 1)"),
    (".env", b"\n\nKEYWRIGHT_SECRET_KEY=hunter2\xe9", "not UTF-8 (line 3)"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(("name", "content", "sentence"), FILES)
def test_a_file_that_cannot_be_read_is_named(keywright, home, command, name, content, sentence):
    (home / name).write_bytes(content)
    said = refuse(keywright(*command))
    assert f"The file {name} is {sentence}" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_setting_that_is_no_text_is_named(home, command):
    settings = {"APP_NAME": b"hunter2\xe9".decode(errors="surrogateescape")}
    answer = run_keywright(*command, directory=home, settings=settings)
    assert answer.returncode == 1
    assert "KEYWRIGHT_APP_NAME" in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_file_saved_with_a_byte_order_mark_says_what_it_said(keywright, home):
    """Windows writes one, which would become a part of the first setting's name."""
    (home / ".env").write_bytes("KEYWRIGHT_MAX_SESSIONS=many".encode("utf-8-sig"))
    assert "KEYWRIGHT_MAX_SESSIONS" in refuse(keywright("migrate"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("data_dir", ["a_file", "a_file/data"])
def test_a_data_directory_that_cannot_be_made_is_named(keywright, home, command, data_dir):
    (home / "a_file").write_text("")
    said = refuse(keywright(*command, DATA_DIR=data_dir))
    assert f"KEYWRIGHT_DATA_DIR is {data_dir}" in said


@pytest.mark.parametrize("data_dir", ["/proc/nobody/data", "a" * 300])
def test_a_data_directory_that_the_system_refuses_is_named(keywright, data_dir):
    assert f"KEYWRIGHT_DATA_DIR is {data_dir}" in refuse(keywright("migrate", DATA_DIR=data_dir))


def test_production_names_it_too(keywright, home):
    (home / "data").write_text("")
    for command in (("serve", "--port", "0"), ("doctor",)):
        assert "KEYWRIGHT_DATA_DIR is data" in refuse(keywright(*command, **PRODUCTION))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"\n"])
def test_a_development_secret_that_is_none_is_named(keywright, home, content):
    keywright("key", "rotate")
    (home / "data" / "secret_key").write_bytes(content)
    for command in (("serve", "--port", "0"), ("doctor",)):
        assert "data" in refuse(keywright(*command))


def test_what_reads_no_secret_needs_no_data_directory(keywright, home, postgres_url):
    (home / "data").write_text("")
    assert keywright("migrate", DATABASE_URL=postgres_url).code == 0
