"""Fixtures that every test may use."""

from __future__ import annotations

import pytest

pytest_plugins = [
    "parts.postgres",
    "parts.smtp",
    "parts.valkey",
    "parts.house",
    "parts.whole_run",
    "parts.run_tables",
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
