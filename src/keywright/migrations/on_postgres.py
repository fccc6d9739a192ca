"""A step of the history on PostgreSQL: one transaction, under a lock that migrations share."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from keywright.core.db.url import plain_dsn
from keywright.migrations.outside import StillReferenced

LOCK = 0x6B65_7977  # "keyw": the advisory lock that migrations of one database share
DEPENDENT_OBJECTS = "2BP01"


async def on_postgres(url: str, step: Callable[[sa.Connection], None]) -> None:
    import asyncpg  # type: ignore[import-untyped]  # an extra, without types
    from sqlalchemy.ext.asyncio import create_async_engine

    dsn, options = plain_dsn("postgresql" + url[url.index(":") :])
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(dsn, **options),
        poolclass=sa.NullPool,
        isolation_level="READ COMMITTED",  # who waited for the lock must see what was done
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
            await connection.run_sync(step)
    except sa.exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == DEPENDENT_OBJECTS:
            raise StillReferenced from error
        raise
    finally:
        await engine.dispose()
