"""The outbox's parts as fixtures of this folder."""

from __future__ import annotations

from parts.outbox import clock, courier, database_url, db, open_db, secrets, settings

__all__ = ["clock", "courier", "database_url", "db", "open_db", "secrets", "settings"]
