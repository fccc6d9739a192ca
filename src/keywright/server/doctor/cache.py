"""Valkey or Redis: a help among several processes, never the only copy of anything."""

from __future__ import annotations

from keywright.core.errors import ConfigurationError
from keywright.core.settings import Settings
from keywright.core.valkey import connect_valkey, valkey_errors
from keywright.server.doctor.findings import Finding, ok, problem, warning

PART = "cache"


async def examine_cache(settings: Settings) -> Finding | None:
    if settings.cache_url is None:
        return None
    try:
        client = connect_valkey(settings.cache_url)
    except ConfigurationError as error:
        return problem(PART, "KEYWRIGHT_CACHE_URL cannot be used.", error.detail)
    try:
        await client.info("server")
    except valkey_errors() as error:
        return warning(
            PART,
            f"Valkey does not answer ({error}); the database keeps the limits meanwhile.",
            "Check KEYWRIGHT_CACHE_URL, and that Valkey runs.",
        )
    finally:
        await client.aclose()
    return ok(PART, "Valkey answers.")
