from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from parts.signing_keys import SECRET
from parts.tables import create_tables, opened, sqlite_url

from keywright.core.clock import ManualClock
from keywright.core.crypto import MasterSecrets
from keywright.core.db import Database
from keywright.core.settings import Settings
from keywright.keys.table import signing_keys


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, with the table of signing keys and no key."""
    sqlite = request.param == "sqlite"
    url: str = sqlite_url(tmp_path) if sqlite else request.getfixturevalue("postgres_url")
    await create_tables(url, [signing_keys])
    return url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as database:
        yield database


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def secrets() -> MasterSecrets:
    return MasterSecrets(SECRET)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings()
