"""Run the history up or down, once, however many processes start at the same time.

Alembic is loaded when it has something to do, which most starts find that it has not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from keywright.core.db import Database
from keywright.core.db.sqlite import SqliteDatabase
from keywright.migrations.on_postgres import on_postgres
from keywright.migrations.on_sqlite import on_sqlite
from keywright.migrations.outside import (
    references_from_outside,
    refuse_lost_references,
    refuse_references,
)
from keywright.migrations.state import HEAD, VERSION_TABLE, NewerDatabase

if TYPE_CHECKING:
    from alembic.config import Config

BASE = "base"
Step = Callable[["Config"], None]


async def upgrade(db: Database, url: str, revision: str = HEAD) -> None:
    """Bring the schema to `revision`. A second call, or process, finds nothing to do.

    Raises `NewerDatabase` where a later version of Keywright was at work.
    """
    await migrate(db, url, lambda config: step_up(config, revision))


async def downgrade(db: Database, url: str, revision: str = BASE) -> None:
    """Take the schema back to `revision`. Data of what is removed is gone.

    Raises `StillReferenced` while tables of the application point at what would go, and
    `NewerDatabase` as the way up does.
    """
    await migrate(db, url, lambda config: step_down(config, revision))


async def migrate(db: Database, url: str, step: Step) -> None:
    """All of `step`, in one transaction, or nothing."""

    def take(connection: sa.Connection) -> None:
        step(alembic_config(connection))

    if isinstance(db, SqliteDatabase):
        await on_sqlite(db, take)
    else:
        await on_postgres(url, take)


def step_up(config: Config, revision: str) -> None:
    from alembic import command

    refuse_unknown_revision(config)
    command.upgrade(config, revision)


def step_down(config: Config, revision: str) -> None:
    from alembic import command

    refuse_unknown_revision(config)
    connection: sa.Connection = config.attributes["connection"]
    references = references_from_outside(connection)
    if revision == BASE:
        refuse_references(references)
    command.downgrade(config, revision)
    refuse_lost_references(connection, references)
    if revision == BASE:
        sa.Table(VERSION_TABLE, sa.MetaData()).drop(connection, checkfirst=True)


def refuse_unknown_revision(config: Config) -> None:
    """Raise `NewerDatabase` unless the history that this version knows leads to the database."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    context = MigrationContext.configure(
        config.attributes["connection"], opts={"version_table": VERSION_TABLE}
    )
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    for revision in set(context.get_current_heads()) - known:
        raise NewerDatabase(revision)


def alembic_config(connection: sa.Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
