"""Which names are Keywright's own in a database that it shares with an application."""

from __future__ import annotations

from typing import Any

PREFIX = "kw_"


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """For our own history: tables of ours, and nothing of the application's."""
    return kind != "table" or (name or "").startswith(PREFIX)
