"""What `keywright serve` loads before it is ready, and what Python does not look through later."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from parts.server import PRODUCTION, environment, run_keywright

START = """
import asyncio, gc, json, sys
from keywright.core.settings import load_settings
from keywright.server.main import application
from keywright.server.plan import Plan
from keywright.server.serving import prepare, server_config

settings, plan = load_settings(), Plan("127.0.0.1", 0)
asyncio.run(prepare(plan, settings))
server_config(plan, settings)
application(settings)
frozen = gc.get_freeze_count() / (gc.get_freeze_count() + len(gc.get_objects()))
print(json.dumps({"loaded": [*sys.modules], "frozen": frozen, "collects": gc.isenabled()}))
"""
NEEDED_LATER_OR_NEVER = {
    "aiosqlite": "only where a host's ORM joins in",
    "alembic": "only when a migration is due",
    "asyncpg": "not on SQLite",
    "bcrypt": "with the first hash of that kind",
    "httpx": "with the first request of our own",
    "jinja2": "with the first page or mail",
    "publicsuffixlist": "with the first address that it is asked about",
    "redis": "only with KEYWRIGHT_CACHE_URL",
    "rich": "only for tables, and lines for people",
    "sqlalchemy.ext.asyncio": "only in migrations and in a host's ORM",
    "sqlalchemy.orm": "only in a host",
    "structlog": "only for lines for people, and in a host",
    "zxcvbn": "with the first new password",
}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A production start in a process of its own, on a database that needs no migration."""
    home: Path = tmp_path_factory.mktemp("start_up")
    assert run_keywright("migrate", directory=home, settings=PRODUCTION).returncode == 0
    answer = subprocess.run(
        [sys.executable, "-c", START],
        cwd=home,
        env=environment(PRODUCTION),
        capture_output=True,
        text=True,
        check=True,
    )
    facts: dict[str, Any] = json.loads(answer.stdout)
    return facts


@pytest.mark.parametrize("module", NEEDED_LATER_OR_NEVER)
def test_a_start_does_not_wait_for_what_it_does_not_need(started, module):
    assert module not in started["loaded"], NEEDED_LATER_OR_NEVER[module]


def test_garbage_is_not_looked_for_among_what_stays(started):
    assert started["frozen"] > 0.9
    assert started["collects"]
