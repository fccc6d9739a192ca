"""What the doctor makes of what it measures, where the measured thing is hard to bring about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from keywright.outbox.models import Backlog
from keywright.server.doctor.clock import judge_difference
from keywright.server.doctor.hashing import BUILD_HERE, examine_argon2, judge_build
from keywright.server.doctor.mail import judge_backlog


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0.1, "ok"), (-1.9, "ok"), (3, "warning"), (-3, "warning"), (25, "problem"), (-90, "problem")],
)
def test_clocks_may_differ_by_less_than_revocations_are_reread(seconds, verdict):
    assert judge_difference(timedelta(seconds=seconds)).verdict == verdict


def test_it_says_which_clock_is_ahead():
    assert "3.0 s ahead" in judge_difference(timedelta(seconds=3)).says
    assert "3.0 s behind" in judge_difference(timedelta(seconds=-3)).says


@pytest.mark.parametrize(
    ("backlog", "verdict"),
    [
        (Backlog(0, timedelta(0), 0), "ok"),
        (Backlog(3, timedelta(minutes=1), 0), "ok"),
        (Backlog(3, timedelta(minutes=6), 0), "warning"),
        (Backlog(0, timedelta(0), 1), "warning"),
    ],
)
def test_messages_that_wait_long_or_were_given_up_are_named(backlog, verdict):
    assert judge_backlog(backlog).verdict == verdict


WHEEL = "Wheel-Version: 1.0\nTag: cp310-abi3-manylinux_2_26_x86_64\n"
BUILT_HERE = "Wheel-Version: 1.0\nTag: cp310-abi3-linux_x86_64\n"


@pytest.mark.parametrize(
    ("wheel", "processor", "is_named"),
    [
        (WHEEL, "x86_64", True),
        (WHEEL.replace("many", "musl"), "x86_64", True),
        (BUILT_HERE, "x86_64", False),
        (WHEEL.replace("x86_64", "aarch64"), "aarch64", False),
        ("", "x86_64", False),
    ],
)
def test_an_argon2_for_all_processors_is_named_with_what_makes_it_faster(
    wheel, processor, is_named
):
    finding = judge_build(wheel, processor)
    assert (BUILD_HERE in finding.says) is is_named
    assert finding.verdict == "ok"


def test_the_installed_argon2_is_looked_at():
    assert examine_argon2().part == "passwords"
