from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from parts.visitor import Visitor, quick_settings, serving

from keywright.core.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return quick_settings(tmp_path, app_name="Example")


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    async with serving(settings) as app:
        yield app


@pytest.fixture
def visitor(app: FastAPI, settings: Settings) -> Visitor:
    return Visitor(app, settings)


@pytest.fixture
def stranger(app: FastAPI, settings: Settings) -> Visitor:
    """Another browser."""
    return Visitor(app, settings)
