"""The repository names no package index, and no folder of a machine that it was written on."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What a person who reads the repository is sent to, or the code itself asks.
WELL_KNOWN = {"api.pwnedpasswords.com", "github.com", "haveibeenpwned.com", "www.apache.org"}
WELL_KNOWN |= {"datatracker.ietf.org", "json.schemastore.org", "www.rfc-editor.org", "www.w3.org"}
HOST = re.compile(r"https?://(?:[^\s/@\"'`]*@)?([A-Za-z0-9.-]+)")
MADE_UP = re.compile(
    r"(.*\.)?example(\.(com|net|org|community))?\.?|.*\.test|[^.]*|127\.[\d.]*", re.IGNORECASE
)
INDEX = re.compile(
    r"(?:index-url|extra-index|find-links|trusted-host|default-index|registry)[\"']?\s*[= ]\s*[\"']?"
    r"(?:https?:|/|\w+\.\w)",
    re.IGNORECASE,
)
FOLDER = re.compile(r"(?<![\w.}])/(?:root|home|work|Users|opt|mnt|srv)/\w+")
PIN = re.compile(
    r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+( ; [^\\]+)? \\"  # the package, its version, where it is needed
    r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
    r"|    # +(via.*|\S+( \(\S+\))?)"
)


def files() -> list[Path]:
    """What is committed or would be, this list of forbidden things aside."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = [ROOT / name for name in names.stdout.splitlines()]
    return [path for path in found if path.is_file() and path != Path(__file__).resolve()]


def offences(text: str) -> Iterator[str]:
    yield from (host for host in HOST.findall(text) if not is_for_everybody(host))
    yield from INDEX.findall(text)
    yield from FOLDER.findall(text)


def is_for_everybody(host: str) -> bool:
    return host in WELL_KNOWN or MADE_UP.fullmatch(host) is not None


def test_no_file_names_an_index_another_host_or_a_folder_of_a_machine() -> None:
    texts = {path: path.read_bytes().decode(errors="replace") for path in files()}
    assert len(texts) > 100
    found = {str(path.relative_to(ROOT)): list(offences(text)) for path, text in texts.items()}
    assert {name: said for name, said in found.items() if said} == {}


def test_locked_requirements_are_versions_and_hashes_and_nothing_else() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert locks
    for lock in locks:
        assert [line for line in lock.read_text().splitlines() if not PIN.fullmatch(line)] == []


@pytest.mark.parametrize(
    "text",
    [
        "https://packages.company.internal/simple/",
        "https://somebody:secret@packages.company.internal/simple/",
        "--index-url packages.company.internal/simple",
        'index-url = "http://localhost:3141/simple"',
        "registry=https://packages.company.internal/",
        "--find-links /var/wheels",
        "see /home/ada/keywright",
        "sys.path.append('/opt/tools')",
    ],
)
def test_each_of_its_offences_is_seen(text: str) -> None:
    assert list(offences(text))


@pytest.mark.parametrize(
    "text",
    [
        "https://accounts.example.com/home/ada",
        "http://127.0.0.1:8000/sign-up and http://localhost:5173",
        'if parser.has_option("global", "index-url"):',
        "/var/lib/keywright",
        "Path.home() / '.config'",
    ],
)
def test_the_rest_passes(text: str) -> None:
    assert list(offences(text)) == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://packages.company.internal/simple",
        "alembic>=1.16 \\",
        "alembic @ https://packages.company.internal/alembic.whl",
        "    --hash=md5:0123",
    ],
)
def test_a_line_that_pins_nothing_is_seen(line: str) -> None:
    assert not PIN.fullmatch(line)
