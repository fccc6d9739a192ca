"""For host applications that share their SQLite file with Keywright."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

LOCK_TIMEOUT_MILLISECONDS = 5000


def configure(engine: sa.Engine | Any) -> None:
    """Make an engine (or async engine) keep the rules that Keywright keeps on the same file.

    Write-ahead log, full durability, enforced foreign keys, and BEGIN IMMEDIATE: SQLAlchemy's
    deferred transactions fail at once when they read, another connection writes, and they write.
    """
    sync_engine: sa.Engine = getattr(engine, "sync_engine", engine)
    event.listen(sync_engine, "connect", prepare_connection)
    event.listen(sync_engine, "begin", begin_immediate)


def prepare_connection(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions on its own
    cursor = connection.cursor()
    for setting in (
        f"busy_timeout={LOCK_TIMEOUT_MILLISECONDS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
