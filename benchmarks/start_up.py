"""How much of a start goes into importing the server, beyond what Python takes by itself."""

from __future__ import annotations

import compileall
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

from benchmarks.machine import on_cores

PROGRAM = """
from keywright.server.garbage import uncollected
with uncollected():
    import keywright.server.main
"""
ROUNDS = 7


def byte_compile() -> None:
    """What pip does when it installs and uv does not: no start is to wait for it, nor to do it at
    each start where PYTHONDONTWRITEBYTECODE is set.
    """
    for folder in (Path(__file__).parents[1] / "src", Path(sysconfig.get_path("purelib"))):
        compileall.compile_dir(folder, quiet=2, workers=0)


def import_seconds(cores: Iterable[int]) -> float:
    """The best of several, in turns with an interpreter that imports nothing."""
    pinned = on_cores(cores)
    rounds = [(seconds_of(pinned, PROGRAM), seconds_of(pinned, "")) for _ in range(ROUNDS)]
    return min(ours for ours, _ in rounds) - min(bare for _, bare in rounds)


def seconds_of(pinned: list[str], program: str) -> float:
    began = perf_counter()
    subprocess.run([*pinned, sys.executable, "-c", program], check=True)
    return perf_counter() - began
