"""The schema's history: one line of revisions for both databases, in a version table of its own."""

from __future__ import annotations

from keywright.migrations.state import HEAD, PendingMigrations, current_revision
from keywright.migrations.upgrade import downgrade, upgrade

__all__ = ["HEAD", "PendingMigrations", "current_revision", "downgrade", "upgrade"]
