"""The database: is it there, has it our tables, and does SQLite keep its promises?"""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from pathlib import Path

from keywright.core.db import Database
from keywright.core.db.sqlite import SqliteDatabase
from keywright.core.errors import KeywrightError
from keywright.core.settings import Settings
from keywright.migrations.state import HEAD
from keywright.server.doctor.findings import Finding, ok, problem, warning

PART = "database"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def missing_database(settings: Settings) -> Finding:
    return warning(
        PART,
        f"There is no database yet ({settings.effective_database_url}).",
        "`keywright serve` or `keywright migrate` makes it.",
    )


def describe_outage(error: KeywrightError) -> Finding:
    cause = str(error.__cause__ or "").partition("\n")[0]
    return problem(
        PART,
        f"{error.detail} {f'Its driver says: {cause}' if cause else ''}".strip(),
        "Check KEYWRIGHT_DATABASE_URL, and that the database runs.",
    )


def describe_schema(settings: Settings, revision: str | None) -> Finding:
    if revision == HEAD:
        return ok(PART, f"Its tables are those of this version (revision {HEAD}).")
    if revision is not None and revision > HEAD:
        return problem(
            PART,
            f"Its tables are at revision {revision}; this version knows revisions up to {HEAD}.",
            "Run the version of Keywright that migrated it, or restore the backup from before.",
        )
    found = f"Its tables are at revision {revision}" if revision else "It has no tables yet"
    if settings.development or settings.uses_sqlite:
        advice = "`keywright serve` migrates by itself here; so does `keywright migrate`."
        return warning(PART, f"{found}; this version needs {HEAD}.", advice)
    advice = "Make a backup, then run `keywright migrate`: in production the server does not start."
    return problem(PART, f"{found}; this version needs {HEAD}.", advice)


async def examine_sqlite(db: Database) -> AsyncIterator[Finding]:
    if not isinstance(db, SqliteDatabase):
        return
    async with db.exclusive() as raw:
        (mode,) = raw.execute("PRAGMA journal_mode").fetchone()
        (enforced,) = raw.execute("PRAGMA foreign_keys").fetchone()
        broken = raw.execute("PRAGMA foreign_key_check").fetchall()
        (*_, file) = raw.execute("PRAGMA database_list").fetchone()
    if mode not in {"wal", "memory"} or not enforced:
        yield problem(
            PART,
            f"SQLite has journal mode {mode} and foreign keys {'on' if enforced else 'off'}.",
            "Put the file on a local disk; share it by keywright.sqlite.configure(engine) only.",
        )
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        yield problem(
            PART,
            f"{len(broken)} rows point at rows that are gone, in {tables}.",
            "Something wrote without foreign keys: use keywright.sqlite.configure(engine), and "
            "remove these rows.",
        )
    if file and is_open_to_others(Path(file)):
        yield warning(
            PART,
            f"Other users of this machine can read {file}, password hashes and all.",
            f"Run `chmod 600 {file}`.",
        )
    if mode == "wal" and enforced and not broken:
        yield ok(PART, "SQLite keeps a write-ahead log, and foreign keys hold.")


def is_open_to_others(file: Path) -> bool:
    return bool(file.stat().st_mode & OTHERS)
