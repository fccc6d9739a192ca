"""All parts in order; what a part needs and has not got keeps the later ones from being asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from keywright.core.clock import Clock
from keywright.core.db import Database
from keywright.core.db.url import describe_database
from keywright.core.errors import KeywrightError
from keywright.core.settings import Settings
from keywright.migrations.state import HEAD, current_revision
from keywright.server.doctor.cache import examine_cache
from keywright.server.doctor.clock import examine_clock
from keywright.server.doctor.closings import examine_closings
from keywright.server.doctor.database import (
    describe_outage,
    describe_schema,
    examine_sqlite,
    missing_database,
)
from keywright.server.doctor.findings import Finding, ok
from keywright.server.doctor.hashing import examine_argon2
from keywright.server.doctor.keys import examine_keys
from keywright.server.doctor.mail import examine_mail, examine_outbox
from keywright.server.doctor.references import examine_references
from keywright.server.doctor.settings import examine_settings
from keywright.server.installation import has_database_file


@dataclass(frozen=True, slots=True)
class Patient:
    settings: Settings
    db: Database
    clock: Clock


async def examine(patient: Patient, *, send_to: str | None) -> AsyncIterator[Finding]:
    """`send_to` is an address that gets a test mail."""
    for finding in examine_settings(patient.settings):
        yield finding
    yield examine_argon2()
    async for finding in examine_stored(patient):
        yield finding
    if cache := await examine_cache(patient.settings):
        yield cache
    yield await examine_mail(patient.settings, patient.clock, send_to)


async def examine_stored(patient: Patient) -> AsyncIterator[Finding]:
    settings, db = patient.settings, patient.db
    if not has_database_file(settings):
        yield missing_database(settings)
        return
    try:
        await db.open()
    except KeywrightError as error:
        yield describe_outage(error)
        return
    try:
        yield ok("database", f"{describe_database(settings.effective_database_url)} answers.")
        async for finding in examine_opened(patient):
            yield finding
    finally:
        await db.close()


async def examine_opened(patient: Patient) -> AsyncIterator[Finding]:
    settings, db = patient.settings, patient.db
    async for finding in examine_sqlite(db):
        yield finding
    yield await examine_clock(db, patient.clock)
    for finding in await examine_references(db):
        yield finding
    revision = await current_revision(db)
    yield describe_schema(settings, revision)
    if revision == HEAD:
        yield await examine_keys(settings, db, patient.clock.now())
        yield await examine_outbox(db, patient.clock.now())
        yield await examine_closings(db, patient.clock.now())
