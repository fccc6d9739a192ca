"""Keywright on one SQLite file, or in memory."""

from __future__ import annotations

from keywright.core.db.sqlite.database import SqliteDatabase

__all__ = ["SqliteDatabase"]
