"""Keywright on PostgreSQL. Importing this needs `keywright[postgres]`."""

from __future__ import annotations

from keywright.core.db.postgres.database import PostgresDatabase

__all__ = ["PostgresDatabase"]
