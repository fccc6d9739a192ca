"""README.md does what it says, for somebody who has just cloned the repository.

Its blocks run in order, in a copy of what is committed or would be, with the environment that the
README's own command makes there. Port 8000 becomes one of the test's own: whoever runs the tests may
have a server there.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from parts.processes import free_port
from parts.server import RunningServer, environment

from keywright.core.settings import Settings
from keywright.core.unsafe_settings import refuse_unsafe

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text()
START, TESTS = "make run\n", "make test\n"
# Where the README sleeps it waits for a mail: a slow machine waits until it is there.
SLEEP = """
sleep() {
  for _ in {1..300}; do
    curl -sS -H 'Accept: application/json' "$BASE/dev/mail" | grep -q 'token=' && return
    command sleep 0.1
  done
}
"""
PASSWORD = "correct horse battery staple"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def copy_repository(target: Path) -> None:
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name, follow_symlinks=False)


def of_a_newcomer(**settings: str) -> dict[str, str]:
    """The uv that `make setup` left here is found, so that nothing is fetched twice; without any
    it is fetched (tests/test_bootstrap.py). No environment is active, and no `make` runs this.
    """
    inherited = environment(settings)
    outer = [name for name in inherited if name.startswith(("MAKE", "MFLAGS", "VIRTUAL_ENV"))]
    for name in outer:
        del inherited[name]
    path = f"{ROOT / '.tools'}{os.pathsep}{inherited['PATH']}"
    return {**inherited, "PATH": path, "PYTHON": sys.executable}


def run(*command: str | Path, folder: Path, settings: dict[str, str], stdin: str = "") -> str:
    """What it says on standard output; it must succeed."""
    return subprocess.run(
        command,
        cwd=folder,
        env=settings,
        input=stdin,
        stdout=subprocess.PIPE,
        text=True,
        timeout=200,
        check=True,
    ).stdout


def last_step(make: str, folder: Path, settings: dict[str, str]) -> list[str]:
    """What `make …` runs at last, once `make setup` has done its part."""
    prepare, *steps = run(*make.split(), "--dry-run", folder=folder, settings=settings).splitlines()
    assert prepare.endswith("scripts/bootstrap.py")
    return shlex.split(steps[-1])


@contextmanager
def running(
    *command: str, folder: Path, base_url: str, settings: dict[str, str]
) -> Iterator[RunningServer]:
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = RunningServer(base_url, process, log)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.kill()


@pytest.mark.timeout(300)
def test_its_commands_run_one_after_another_in_a_fresh_clone(tmp_path: Path) -> None:
    port, settings = free_port(), of_a_newcomer()
    base_url = f"http://127.0.0.1:{port}"
    copy_repository(tmp_path)
    start, tests, *story = (
        block.replace("http://127.0.0.1:8000", base_url) for block in blocks("sh")
    )
    assert (start, tests) == (START, TESTS)
    assert "is set up" in run("make", "setup", folder=tmp_path, settings=settings)
    serve = (*last_step(start, tmp_path, settings), "--port", str(port))
    with running(*serve, folder=tmp_path, base_url=base_url, settings=settings) as server:
        script = SLEEP + "".join(story)
        said = run("bash", "-ec", script, folder=tmp_path, settings={**settings, "BASE": base_url})
        log = server.read_log()
    assert f"is at {base_url}" in log
    assert "token=" in log
    assert (tmp_path / "data" / "keywright.db").exists()
    for expected in ('"verification_sent"', '"ada@example.com"', '"access_token"', "admin@"):
        assert expected in said
    for unexpected in ("problem", '"detail"', "Traceback"):
        assert unexpected not in said


def test_its_second_command_runs_the_tests() -> None:
    """It is looked at, not run: this is one of the tests."""
    assert last_step(TESTS, ROOT, of_a_newcomer())[0] == ".venv/bin/pytest"


def test_its_ten_lines_protect_a_route(tmp_path: Path) -> None:
    (lines,) = blocks("python")
    (tmp_path / "main.py").write_text(lines)
    port, here = free_port(), Path(sys.executable).parent
    base_url = f"http://127.0.0.1:{port}"
    settings = of_a_newcomer(BASE_URL=base_url)
    create = ("user", "create", "--email", "ada@example.com", "--password-stdin")
    program = (here / "keywright", "--app", "main:kw")
    run(*program, *create, folder=tmp_path, settings=settings, stdin=PASSWORD)
    serve = (str(here / "uvicorn"), "main:app", "--port", str(port))
    with (
        running(*serve, folder=tmp_path, base_url=base_url, settings=settings),
        httpx.Client(base_url=base_url) as client,
    ):
        assert client.get("/images").status_code == 401
        form = {"username": "ada@example.com", "password": PASSWORD}
        token = client.post("/api/v1/auth/login", data=form).json()["access_token"]
        answer = client.get("/images", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()) == (200, ["ada@example.com has no images yet"])


def test_its_ten_lines_are_ten() -> None:
    (lines,) = blocks("python")
    assert len([line for line in lines.splitlines() if line]) <= 10


def test_its_settings_of_production_are_enough(tmp_path: Path) -> None:
    (lines,) = blocks("ini")
    written = dict(line.removeprefix("KEYWRIGHT_").split("=", 1) for line in lines.splitlines())
    assert written["SECRET_KEY"].startswith("<the output")
    written["SECRET_KEY"] = "what openssl would say, more or less"
    values = {name.lower(): value for name, value in written.items()}
    assert values.keys() <= Settings.model_fields.keys()
    refuse_unsafe(Settings(data_dir=tmp_path, **values))


def test_every_file_that_it_names_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT)
    paths = [path for path in re.findall(r"`(\w[\w./]+)`", TEXT) if "/" in path.strip("/")]
    assert len(links) > 5
    assert len(paths) > 5
    gone = [name for name in {*links, *paths} if not (ROOT / name.strip("/")).exists()]
    assert gone == []
