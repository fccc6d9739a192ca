"""What holds for every command: help, versions, exit codes, and whose Keywright it is about."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from parts.server import PROGRAM, run_keywright

import keywright as package

COMMANDS = [
    ("serve",),
    ("migrate",),
    ("doctor",),
    ("user", "create"),
    ("user", "list"),
    ("user", "disable"),
    ("user", "enable"),
    ("user", "grant"),
    ("user", "revoke"),
    ("key", "list"),
    ("key", "rotate"),
    ("outbox", "list"),
    ("outbox", "retry"),
]
HEAVY = {"fastapi", "sqlalchemy", "pydantic", "structlog", "alembic", "asyncpg", "rich", "uvicorn"}
HOST = """
from keywright import Keywright, Settings, UserCreated

kw = Keywright(Settings(data_dir="of_host"), permissions={"painter": ["images:write"]})
not_kw = {}

@kw.hooks.on(UserCreated)
async def remember(event, tx):
    with open("heard", "a") as heard:
        heard.write(event.email)
"""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(keywright, command):
    answer = keywright(*command, "--help")
    assert answer.code == 0
    assert f"Usage: keywright {' '.join(command)}" in answer.out
    assert f"Example: keywright {' '.join(command)}" in answer.out


def test_the_version_is_the_packages(keywright):
    answer = keywright("--version")
    assert (answer.code, answer.out) == (0, f"keywright {package.__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("user", "nonsense"),
        ("user", "create"),
        ("user", "grant", "ada@example.com"),
        ("serve", "--port", "http"),
        ("serve", "--port", "70000"),
        ("serve", "--workers", "0"),
        ("serve", "--reload", "--workers", "2"),
        ("key", "rotate", "--leaked", "--master"),
        ("user", "list", "--limit", "0"),
        ("user", "disable", "neither-address-nor-id"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_code_2(keywright, arguments):
    answer = keywright(*arguments)
    assert answer.code == 2
    assert "Traceback" not in answer.err


def test_help_loads_nothing_that_it_does_not_need():
    script = "import sys; from keywright.server.cli import command_line; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert HEAVY.isdisjoint(loaded)


def test_the_installed_program_answers(tmp_path):
    answer = run_keywright("--version", directory=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert PROGRAM.exists()


def test_without_its_packages_it_says_what_to_install():
    script = (
        "import sys; sys.modules['typer'] = None; sys.argv = ['keywright'];"
        "from keywright.server.cli import main; main()"
    )
    command = [sys.executable, "-c", script]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "pip install 'keywright[server]'" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_setting_that_cannot_be_used_is_named_in_one_sentence(keywright):
    answer = keywright("user", "list", MAX_SESSIONS="many")
    assert answer.code == 1
    assert answer.err.startswith("keywright: KEYWRIGHT_MAX_SESSIONS: ")
    assert answer.err.count("\n") == 1


def test_a_database_out_of_reach_is_told_with_what_its_driver_says(keywright):
    answer = keywright("user", "list", DATABASE_URL="postgresql://u:hidden@127.0.0.1:1/kw")
    assert answer.code == 1
    assert "cannot be reached" in answer.err
    assert "driver says" in answer.err
    assert "hidden" not in answer.err


def test_a_toml_file_holds_settings_without_the_prefix(keywright, home):
    (home / "keywright.toml").write_text('app_name = "Shop"\ndata_dir = "elsewhere"\n')
    assert keywright("migrate").code == 0
    assert (home / "elsewhere" / "keywright.db").exists()


class TestHostApplication:
    """`keywright --app myapp:kw …`"""

    @pytest.fixture
    def run(self, tmp_path: Path):
        (tmp_path / "myapp.py").write_text(HOST)

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            return run_keywright(*arguments, directory=tmp_path)

        return run

    def test_its_settings_roles_and_hooks_are_used(self, run, tmp_path):
        made = run(
            *("--app", "myapp:kw", "user", "create"),
            *("--email", "ada@example.com", "--role", "painter"),
        )
        assert made.returncode == 0, made.stderr
        assert (tmp_path / "of_host" / "keywright.db").exists()
        assert (tmp_path / "heard").read_text() == "ada@example.com"

    @pytest.mark.parametrize(
        ("path", "sentence"),
        [
            ("myapp", "name a module and its Keywright object"),
            ("myapp:", "name a module and its Keywright object"),
            ("nowhere:kw", "there is no module nowhere"),
            ("myapp:missing", "the module myapp has no missing"),
            ("myapp:not_kw", "that is a dict; name the Keywright object itself"),
        ],
    )
    def test_a_wrong_path_gets_a_sentence(self, run, path, sentence):
        answer = run("--app", path, "user", "list")
        assert answer.returncode == 1
        assert sentence in answer.stderr
        assert "Traceback" not in answer.stderr

    def test_what_fails_inside_the_application_keeps_its_traceback(self, run, tmp_path):
        (tmp_path / "broken.py").write_text("import a_module_that_nobody_has\n")
        answer = run("--app", "broken:kw", "user", "list")
        assert "a_module_that_nobody_has" in answer.stderr
        assert "Traceback" in answer.stderr
