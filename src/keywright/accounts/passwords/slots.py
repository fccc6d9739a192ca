"""How many hashes may run at once: the cores that this process may really use."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MEMBERSHIP = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")


def usable_slots(workers: int = 1) -> int:
    """One worker's share of the usable cores, at least one."""
    return max(1, usable_cores() // workers)


def usable_cores() -> int:
    return max(1, int(min(allowed_cores(), granted_cores())))


def allowed_cores() -> int:
    """The cores that this process may run on, where the platform can say."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


def granted_cores(membership: Path = MEMBERSHIP, mount: Path = MOUNT) -> float:
    """The tightest CPU quota of our control groups and theirs, in cores; infinite without one."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return math.inf
    files = [file for line in lines for file in quota_files(line, mount)]
    return min((read_quota(file) for file in files), default=math.inf)


def quota_files(line: str, mount: Path) -> Iterator[Path]:
    """Where the limits of one line of /proc/self/cgroup stand (cgroups(7)).

    Inside a container the path may be the host's while the mount begins at our own group: what
    does not exist is passed over by `read_quota`.
    """
    _, controllers, group = line.split(":", 2)
    if not controllers:
        yield from upwards(mount, group, "cpu.max")
    elif "cpu" in controllers.split(","):
        for name in {"cpu", controllers}:
            yield from upwards(mount / name, group, "cpu.cfs_quota_us")


def upwards(root: Path, group: str, file: str) -> Iterator[Path]:
    parts = [part for part in PurePosixPath(group).parts if part not in {"/", ".."}]
    for depth in range(len(parts), -1, -1):
        yield root.joinpath(*parts[:depth], file)


def read_quota(file: Path) -> float:
    """`<quota> <period>` in `cpu.max` (v2); v1 keeps the period in a file of its own."""
    try:
        words = file.read_text().split()
        if file.name != "cpu.max":
            words += file.with_name("cpu.cfs_period_us").read_text().split()
        quota, period = words
        return math.inf if quota in {"max", "-1"} else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
