"""scripts/bootstrap.py on a bare place: a Python, a package index, and nothing else.

The uv that is fetched here is a shell script which says how it was called; the real one makes the
environment of tests/test_readme.py.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from parts.processes import free_port

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "bootstrap.py"
STEPS = ["never venv", "never pip", "never pip"]
UV = """#!/bin/sh
echo "$UV_PYTHON_DOWNLOADS $*" >>"${0%/*}/../calls"
[ "$1" != venv ] || /bin/mkdir -p .venv
[ ! -e fail ] || exit 7
"""


def script() -> Any:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_wheel(folder: Path) -> Path:
    """As an index has it, for this machine."""
    bootstrap = script()
    tag, _ = bootstrap.wheel_for_this_machine()
    name = f"uv-{bootstrap.UV_VERSION}"
    tags = "".join(f"Tag: py3-none-{one}\n" for one in tag.split("."))
    parts = {
        f"{name}.data/scripts/uv": UV,
        f"{name}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: uv\nVersion: {name[3:]}\n",
        f"{name}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n{tags}",
        f"{name}.dist-info/RECORD": "",
    }
    wheel = folder / f"{name}-py3-none-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in parts.items():
            archive.writestr(path, text)
    return wheel


class Quiet(SimpleHTTPRequestHandler):
    """Asks for a name and password where the index has a file `login`."""

    def do_GET(self) -> None:
        login = Path(self.directory, "login")
        wanted = (
            f"Basic {base64.b64encode(login.read_bytes()).decode()}" if login.exists() else None
        )
        if wanted in {None, self.headers["Authorization"]}:
            super().do_GET()
        else:
            self.send_error(401)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Path]:
    """What an index at `index/address` serves; a test may change it."""
    folder = tmp_path / "index"
    (folder / "simple" / "uv").mkdir(parents=True)
    wheel = write_wheel(folder)
    link = f'<a href="../../{wheel.name}#sha256=0">{wheel.name}</a>'
    (folder / "simple" / "uv" / "index.html").write_text(f"<!doctype html><body>{link}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    (folder / "address").write_text(f"http://127.0.0.1:{server.server_port}/simple/")
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def pythons(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One that has pip and one that has not."""
    folder = tmp_path_factory.mktemp("pythons")
    for name, options in (("with pip", []), ("without pip", ["--without-pip"])):
        subprocess.run([sys.executable, "-m", "venv", *options, folder / name], check=True)
    return {path.name: path / "bin" / "python" for path in folder.iterdir()}


@dataclass
class Place:
    """A checkout in which nothing is set up; `settings` are all that its environment holds."""

    folder: Path
    python: Path
    settings: dict[str, str]

    def set_up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *(arguments or ["scripts/bootstrap.py"])],
            cwd=self.folder,
            env=self.settings,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[str]:
        record = self.folder / "calls"
        return record.read_text().splitlines() if record.exists() else []

    def first_words(self) -> list[str]:
        return [" ".join(call.split()[:2]) for call in self.calls()]

    def is_untouched(self) -> bool:
        made = {".venv", "calls"} & {path.name for path in self.folder.iterdir()}
        return not made and not [*self.folder.glob(".tools/*")]

    def pin(self, wheel: Path) -> None:
        self._rewrite(script().wheel_for_this_machine()[1], digest(wheel))

    def read_no_file_of_the_machine(self) -> None:
        self._rewrite("/etc/pip.conf", str(self.folder / "etc" / "pip.conf"))

    def _rewrite(self, old: str, new: str) -> None:
        file = self.folder / "scripts" / "bootstrap.py"
        assert file.read_text().count(old) == 1
        file.write_text(file.read_text().replace(old, new))


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def place(tmp_path: Path, pythons: dict[str, Path], index: Path) -> Place:
    folder = tmp_path / "checkout"
    for name in ("scripts/bootstrap.py", "requirements/dev.txt", "pyproject.toml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    nothing = tmp_path / "empty"
    nothing.mkdir()
    settings = {
        "HOME": str(tmp_path),
        "PATH": str(nothing),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": (index / "address").read_text(),
    }
    made = Place(folder, pythons["without pip"], settings)
    made.read_no_file_of_the_machine()
    (wheel,) = index.glob("*.whl")
    made.pin(wheel)
    return made


def close(place: Place) -> None:
    """No network: nobody answers where the index was."""
    place.settings["PIP_INDEX_URL"] = f"http://127.0.0.1:{free_port()}/simple"
    place.settings["PIP_RETRIES"] = "0"


@pytest.mark.parametrize("kind", ["with pip", "without pip"])
def test_without_uv_it_fetches_a_checked_one_and_makes_the_environment(
    place: Place, pythons: dict[str, Path], kind: str
) -> None:
    place.python = pythons[kind]
    done = place.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    assert "Fetching uv" in done.stdout
    assert "set up in .venv" in done.stdout
    assert os.access(place.folder / ".tools" / "uv", os.X_OK)
    assert [path.name for path in place.folder.glob(".tools/*")] == ["uv"]
    assert place.first_words() == STEPS
    venv, locked, ours = place.calls()
    assert f"--python {place.python}" in venv
    assert "--require-hashes" in locked
    assert f"--no-deps --no-build-isolation --editable {place.folder}" in ours


@pytest.mark.parametrize("kind", ["with pip", "without pip"])
def test_a_uv_with_another_hash_is_refused_and_nothing_is_left_behind(
    place: Place, pythons: dict[str, Path], index: Path, kind: str
) -> None:
    place.python = pythons[kind]
    (wheel,) = index.glob("*.whl")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("something/else", "")
    done = place.set_up()
    assert done.returncode == 1
    assert f"has SHA-256 {digest(wheel)}, not the pinned" in done.stderr
    assert done.stderr.endswith("Nothing was installed.\n")
    assert place.is_untouched()


def test_a_second_run_does_nothing(place: Place) -> None:
    place.set_up()
    close(place)
    done = place.set_up()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(place.calls()) == len(STEPS)


@pytest.mark.parametrize("changed", ["requirements/dev.txt", "pyproject.toml"])
def test_what_changed_is_installed_with_the_uv_that_is_there(place: Place, changed: str) -> None:
    place.set_up()
    close(place)
    with (place.folder / changed).open("a") as file:
        file.write("# changed\n")
    done = place.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    assert "Fetching" not in done.stdout
    assert place.first_words() == STEPS * 2


def test_a_uv_that_the_machine_has_is_used(place: Place) -> None:
    close(place)
    uv = Path(place.settings["PATH"], "uv")
    uv.write_text(UV)
    uv.chmod(0o755)
    done = place.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    assert not (place.folder / ".tools").exists()
    assert len((uv.parent.parent / "calls").read_text().splitlines()) == len(STEPS)


def test_a_step_that_fails_is_named_and_taken_again(place: Place) -> None:
    (place.folder / "fail").touch()
    done = place.set_up()
    assert done.returncode == 1
    assert re.search(r"`uv venv .*` ended with 7; its message is above\.", done.stderr)
    (place.folder / "fail").unlink()
    assert place.set_up().returncode == 0


@pytest.mark.parametrize("kind", ["with pip", "without pip"])
def test_without_a_network_it_says_so(place: Place, pythons: dict[str, Path], kind: str) -> None:
    place.python = pythons[kind]
    close(place)
    assert_refused(place, r"setup: Could not fetch uv-.*\.whl from http://127.*Connection refused")


def test_without_an_index_it_says_what_to_set(place: Place) -> None:
    del place.settings["PIP_INDEX_URL"]
    assert_refused(place, "install uv or pip, or set PIP_INDEX_URL, and run this again")


def test_an_index_that_has_not_this_uv_is_named(place: Place, index: Path) -> None:
    (index / "simple" / "uv" / "index.html").write_text('<a href="uv-0.1-py3-none-any.whl">')
    assert_refused(place, r"setup: The package index at http://127.*/uv/ has no uv-")


def assert_refused(place: Place, sentence: str) -> None:
    done = place.set_up()
    assert done.returncode == 1
    assert re.search(sentence, done.stderr)
    assert "Traceback" not in done.stderr
    assert place.is_untouched()


def test_the_index_may_stand_in_a_file_of_pip(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(f"[global]\nindex-url = {place.settings.pop('PIP_INDEX_URL')}\n")
    place.settings["PIP_CONFIG_FILE"] = str(file)
    assert place.set_up().returncode == 0
    assert place.first_words() == STEPS


@pytest.mark.parametrize("kind", ["with pip", "without pip"])
def test_an_index_may_ask_for_a_password(
    place: Place, pythons: dict[str, Path], index: Path, kind: str
) -> None:
    place.python = pythons[kind]
    (index / "login").write_bytes(b"ada:p@ss/word")
    assert_refused(place, "setup: Could not fetch uv-.* Unauthorized")
    open_index = place.settings["PIP_INDEX_URL"]
    place.settings["PIP_INDEX_URL"] = open_index.replace("//", "//ada:p%40ss%2Fword@")
    assert place.set_up().returncode == 0


def test_a_password_of_the_index_is_never_printed(place: Place) -> None:
    close(place)
    closed = place.settings["PIP_INDEX_URL"]
    place.settings["PIP_INDEX_URL"] = closed.replace("//", "//ada:p%40ss%2Fword@")
    done = place.set_up()
    assert done.returncode == 1
    assert "p%40ss" not in done.stderr


@pytest.mark.parametrize(
    "address", ["simple", "http://[broken/simple", "http://127.0.0.1:x/simple"]
)
def test_an_index_at_no_address_is_named(place: Place, address: str) -> None:
    place.settings["PIP_INDEX_URL"] = address
    assert_refused(place, r"setup: Could not fetch uv-")


def test_an_older_python_is_told_which_one_is_needed(place: Place) -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 10, 4, 'final', 0); runpy.run_path("
    done = place.set_up("-c", f"{pretend}'scripts/bootstrap.py', run_name='__main__')")
    assert done.returncode == 1
    assert done.stderr.startswith("setup: Keywright needs Python 3.11 or newer; this is ")
    assert place.is_untouched()


def test_an_older_python_can_read_it_that_far() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 8))


def test_it_needs_the_standard_library_alone(place: Place) -> None:
    """-I and -S: no other packages, not even by accident."""
    done = place.set_up("-I", "-S", "scripts/bootstrap.py")
    assert (done.returncode, done.stderr) == (0, "")
