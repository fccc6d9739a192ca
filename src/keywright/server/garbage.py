"""When Python looks for garbage: not while it starts, and never through what stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """While modules are loaded and the application is built, what is made stays: under 1 % of it is
    garbage. Looking for that takes a seventh of the time then, and later, each time that Python
    goes through all objects, holds every request up for some 50 ms.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
