"""The machine that a run is made on: its name, its cores, how often its disk can promise."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

FSYNC_SECONDS = 1.0


@dataclass(frozen=True)
class Machine:
    """`fsyncs` is how many small durable writes a second the folder of the databases takes."""

    name: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    fsyncs: float


def look_at_machine(folder: Path) -> Machine:
    return Machine(
        name=name_of_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        fsyncs=round(fsyncs_per_second(folder)),
    )


def name_of_processor() -> str:
    found = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def fsyncs_per_second(folder: Path) -> float:
    with tempfile.TemporaryFile(dir=folder) as file:
        began, count = perf_counter(), 0
        while perf_counter() - began < FSYNC_SECONDS:
            os.write(file.fileno(), b"x" * 4096)
            os.fdatasync(file.fileno())
            count += 1
        return count / (perf_counter() - began)


@dataclass(frozen=True)
class Cores:
    """Who runs where: the server by itself, the load and the database beside each other."""

    server: tuple[int, ...]
    others: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        return tuple(sorted({*self.server, *self.others}))


def share_cores() -> Cores:
    first, *rest = sorted(os.sched_getaffinity(0))
    return Cores((first,), tuple(rest) or (first,))


def on_cores(cores: Iterable[int]) -> list[str]:
    """What a command begins with, to be held to these cores."""
    return ["taskset", "--cpu-list", ",".join(map(str, cores))]


def move_to_cores(pid: int, cores: Sequence[int]) -> None:
    """A running process, all its threads and all its children."""
    for process in family_of(pid):
        for thread in Path(f"/proc/{process}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


def family_of(pid: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = [(int(child), int(parent)) for child, parent in map(str.split, listed.splitlines())]
    family = [pid]
    for member in family:  # it grows while it is walked
        family += [child for child, parent in parents if parent == member]
    return family


def resident_mib(pid: int) -> float:
    """Of the process and its children."""
    kib = 0
    for process in family_of(pid):
        status = Path(f"/proc/{process}/status").read_text()
        kib += int(re.search(r"^VmRSS:\s*(\d+)", status, re.MULTILINE)[1])  # type: ignore[index]
    return kib / 1024


def busy_seconds(pid: int) -> float:
    """The processor time that the process and its children have used."""
    ticks = 0
    for process in family_of(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
