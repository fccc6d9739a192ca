"""How a SQLite file is opened: privately, durably, and beside other processes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from keywright.core.db.sqlite.connection import SqliteConnection, raise_translated
from keywright.core.db.sqlite.errors import is_busy
from keywright.core.errors import ConfigurationError

MEMORY = ":memory:"
STATEMENTS_KEPT_PREPARED = 512
RETRY_PAUSE = 0.01  # seconds
# `Writer` checkpoints long before: this is for what it does not count, as the making of an index.
PAGES_BEFORE_COMMIT_CHECKPOINTS = 10_000
KEPT_LOG_BYTES = 64 * 1024 * 1024  # of a log that a long read kept from beginning anew


def open_writer(path: str, patience: float) -> SqliteConnection:
    """Blocks for up to `patience` seconds while another process holds the file."""
    if path == MEMORY:
        return open_patiently(path, patience, enforce_rules)
    try:
        Path(path).parent.mkdir(mode=0o700, exist_ok=True)
        Path(path).touch(mode=0o600)  # it holds password hashes: its owner's alone
    except OSError as error:
        raise_translated(error)
    return open_patiently(path, patience, prepare_writer)


def open_reader(path: str, patience: float) -> SqliteConnection:
    return open_patiently(path, patience, prepare_reader)


def open_patiently(
    path: str, patience: float, prepare: Callable[[sqlite3.Connection], None]
) -> SqliteConnection:
    """SQLite does not wait by itself when several processes start on one file."""
    give_up = time.monotonic() + patience
    while True:
        raw = connect(path)
        try:
            prepare(raw)
        except Exception as error:  # noqa: BLE001 - raised again, or retried
            raw.close()
            if not is_busy(error) or time.monotonic() > give_up:
                raise_translated(error)
        else:
            return SqliteConnection(raw)
        time.sleep(RETRY_PAUSE)


def connect(path: str) -> sqlite3.Connection:
    """With busy_timeout=0: another process's lock must not stop the event loop."""
    return sqlite3.connect(
        path,
        timeout=0,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS_KEPT_PREPARED,
    )


def enforce_rules(raw: sqlite3.Connection) -> None:
    raw.execute("PRAGMA foreign_keys=ON")
    raw.execute("PRAGMA synchronous=FULL")


def prepare_reader(raw: sqlite3.Connection) -> None:
    enforce_rules(raw)
    raw.execute("PRAGMA query_only=ON")


def prepare_writer(raw: sqlite3.Connection) -> None:
    enforce_rules(raw)
    (mode,) = raw.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise ConfigurationError(
            "SQLite cannot keep a write-ahead log here (a network drive?): put the database on "
            "a local disk, or set KEYWRIGHT_DATABASE_URL to a PostgreSQL database."
        )
    raw.execute(f"PRAGMA wal_autocheckpoint={PAGES_BEFORE_COMMIT_CHECKPOINTS}")
    raw.execute(f"PRAGMA journal_size_limit={KEPT_LOG_BYTES}")
