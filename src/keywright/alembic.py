"""For a host application's own Alembic: `context.configure(…, include_name=include_name)`.

Keeps its autogenerate from dropping Keywright's tables, which have a history of their own.
"""

from __future__ import annotations

from typing import Any

from keywright.migrations.include import PREFIX


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "table" or not (name or "").startswith(PREFIX)
