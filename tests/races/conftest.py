from __future__ import annotations

import sys

import pytest


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("bytecode"))


@pytest.fixture
def quick_starts(bytecode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that start again and again compile what they import once, also where we may not."""
    if sys.dont_write_bytecode:
        monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        monkeypatch.setenv("PYTHONPYCACHEPREFIX", bytecode)
