from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from keywright.server.cli.output import say

if TYPE_CHECKING:
    from keywright.core.db import Database
    from keywright.core.settings import Settings

EXAMPLE = "Example: keywright migrate --check"


def migrate(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 when a run is due.")
    ] = False,
) -> None:
    """Bring the database's tables to this version. Safe to run twice, also at the same time."""
    from keywright.server.installation import find_database

    settings, db = find_database(context)
    if not asyncio.run(check_schema(settings, db) if check else upgrade(settings, db)):
        raise typer.Exit(1)


async def check_schema(settings: Settings, db: Database) -> bool:
    from keywright.migrations.state import HEAD, refuse_newer

    revision = await read_revision(settings, db)
    refuse_newer(revision)
    if revision == HEAD:
        say(f"Up to date, at revision {HEAD}.")
        return True
    state = f"at revision {revision}" if revision else "empty"
    say(f"A migration is due: the database is {state}, this version needs {HEAD}.")
    return False


async def read_revision(settings: Settings, db: Database) -> str | None:
    from keywright.migrations.state import current_revision
    from keywright.server.installation import has_database_file

    if not has_database_file(settings):
        return None
    await db.open()
    try:
        return await current_revision(db)
    finally:
        await db.close()


async def upgrade(settings: Settings, db: Database) -> bool:
    from keywright import migrations
    from keywright.server.installation import make_data_dir

    make_data_dir(settings)
    await db.open()
    try:
        before = await migrations.current_revision(db)
        await migrations.upgrade(db, settings.effective_database_url)
    finally:
        await db.close()
    say(describe_upgrade(before, migrations.HEAD))
    return True


def describe_upgrade(before: str | None, after: str) -> str:
    if before is None:
        return f"Made the tables, at revision {after}."
    if before == after:
        return f"Nothing to do: up to date, at revision {after}."
    return f"Migrated from revision {before} to {after}."
