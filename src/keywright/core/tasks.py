"""Work that repeats: each domain lists its own, `integration` gathers, `operations` runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Periodic:
    """`run` is called every `seconds`, in every process: it must not mind company."""

    name: str
    seconds: float
    run: Callable[[], Awaitable[object]]
