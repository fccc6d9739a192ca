from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from keywright.accounts.passwords import slots
from keywright.accounts.passwords.slots import granted_cores, usable_slots


def cgroup(folder: Path, membership: str, files: dict[str, str]) -> tuple[Path, Path]:
    """The two places that the kernel shows: our membership, and the mounted groups."""
    mount = folder / "mount"
    for name, content in files.items():
        file = mount / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n")
    ours = folder / "membership"
    ours.write_text(membership)
    return ours, mount


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        pytest.param("0::/\n", {"cpu.max": "150000 100000"}, 1.5, id="v2 in a container"),
        pytest.param("0::/\n", {"cpu.max": "max 100000"}, math.inf, id="v2 without a limit"),
        pytest.param("0::/\n", {}, math.inf, id="v2 root group"),
        pytest.param(
            "0::/system.slice/app.service\n",
            {
                "system.slice/cpu.max": "100000 100000",
                "system.slice/app.service/cpu.max": "400000 100000",
            },
            1,
            id="v2 where the group above is tighter",
        ),
        pytest.param("0::/../other\n", {"cpu.max": "200000 100000"}, 2, id="v2 seen from outside"),
        pytest.param(
            "4:memory:/\n2:cpu,cpuacct:/docker/abc\n",
            {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"},
            0.5,
            id="v1 in a container",
        ),
        pytest.param(
            "2:cpu,cpuacct:/docker/abc\n",
            {
                "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "300000",
                "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000",
            },
            3,
            id="v1 on the host",
        ),
        pytest.param(
            "1:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            math.inf,
            id="v1 without a limit",
        ),
        pytest.param("0::/\n", {"cpu.max": "what?"}, math.inf, id="unreadable"),
    ],
)
def test_the_quota_of_the_control_groups_is_found(tmp_path, membership, files, cores):
    assert granted_cores(*cgroup(tmp_path, membership, files)) == cores


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert granted_cores(tmp_path / "missing", tmp_path) == math.inf


@pytest.mark.parametrize(
    ("allowed", "granted", "workers", "expected"),
    [
        (8, math.inf, 1, 8),
        (8, 2.5, 1, 2),
        (8, 0.5, 1, 1),
        (8, math.inf, 4, 2),
        (2, math.inf, 4, 1),
    ],
)
def test_workers_share_the_cores_that_are_usable(monkeypatch, allowed, granted, workers, expected):
    monkeypatch.setattr(slots, "allowed_cores", lambda: allowed)
    monkeypatch.setattr(slots, "granted_cores", lambda: granted)
    assert usable_slots(workers) == expected


def test_the_slots_of_this_machine_are_within_its_cores():
    assert 1 <= usable_slots() <= (os.cpu_count() or 1)
