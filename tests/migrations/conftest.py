from __future__ import annotations

from pathlib import Path

import pytest
from parts.schemas import Place


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return Place(f"sqlite:///{tmp_path / 'keywright.db'}")
    return Place(request.getfixturevalue("postgres_url"))


@pytest.fixture
def sqlite_place(tmp_path: Path) -> Place:
    return Place(f"sqlite:///{tmp_path / 'keywright.db'}")


@pytest.fixture
def postgres_place(postgres_url: str) -> Place:
    return Place(postgres_url)
