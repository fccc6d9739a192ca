from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from parts.server import CHEAP, serve

from keywright.server.cli.command_line import run

__all__ = ["serve"]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Keywright = Callable[..., Outcome]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a command, without settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("KEYWRIGHT_")]:
        if name != "KEYWRIGHT_TEST_POSTGRES":
            monkeypatch.delenv(name)
    for name, value in CHEAP.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def keywright(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Keywright:
    """A command in this process, which starts faster than one of its own."""

    def command(*arguments: str, stdin: str = "", **settings: str) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(f"KEYWRIGHT_{name}", value)
            try:
                code = run(list(arguments))
            except SystemExit as ending:
                code = ending.code
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return command


@pytest.fixture(params=["sqlite", "postgresql"])
def on_database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of an empty database: SQLite in the data directory, or PostgreSQL."""
    if request.param == "sqlite":
        return {}
    return {"DATABASE_URL": request.getfixturevalue("postgres_url")}
