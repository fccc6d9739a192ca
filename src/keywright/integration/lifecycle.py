"""From settings to a running Keywright, and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from keywright import migrations
from keywright.core.log import get_logger
from keywright.integration.assemble import Parts
from keywright.migrations.state import refuse_pending

log = get_logger("keywright")


@asynccontextmanager
async def running(parts: Parts, *, background: bool = True) -> AsyncIterator[None]:
    """Open, migrate or refuse, load keys and revocations, deliver; undone in reverse order.

    `background=False` leaves delivery and sweeping to whoever asks for it (tests).
    """
    kw = parts.context
    async with AsyncExitStack() as stack:
        await kw.db.open()
        stack.push_async_callback(kw.db.close)
        stack.push_async_callback(kw.limits.close)
        stack.push_async_callback(parts.passwords.close)
        stack.push_async_callback(parts.policy.close)
        await bring_schema_up(parts)
        await parts.keys.load()
        await kw.notices.start()
        stack.push_async_callback(kw.notices.stop)
        if background:
            parts.courier.start()
            stack.push_async_callback(parts.courier.stop)
            parts.runner.start()
            stack.push_async_callback(parts.runner.stop)
        kw.started = True
        stack.callback(setattr, kw, "started", False)
        yield


async def bring_schema_up(parts: Parts) -> None:
    """In development and on SQLite by itself; in production on PostgreSQL an operator does it."""
    settings, db = parts.context.settings, parts.context.db
    if not (settings.development or settings.uses_sqlite):
        await refuse_pending(db)
        return
    if await migrations.current_revision(db) != migrations.HEAD:
        await migrations.upgrade(db, settings.effective_database_url)
        log.info("database_migrated", revision=migrations.HEAD)
