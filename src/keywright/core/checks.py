"""What readiness asks: each part names a check; `operations` runs them with a time limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """`run` raises when the part is not ready."""

    name: str
    run: Callable[[], Awaitable[object]]
