"""What the doctor makes of what it measures, where the measured thing is hard to bring about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from keywright.accounts.closings.models import StuckClosings
from keywright.core.settings import Settings
from keywright.outbox.models import Backlog
from keywright.server.doctor.clock import judge_difference
from keywright.server.doctor.closings import judge_closings
from keywright.server.doctor.hashing import BUILD_HERE, examine_argon2, judge_build
from keywright.server.doctor.mail import judge_backlog
from keywright.server.doctor.settings import examine_lifetimes


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


NOW = datetime(2026, 3, 4, 10, 43, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stuck", "last_error", "verdict", "words"),
    [
        (StuckClosings(0, 0, None), None, "ok", "No account waits"),
        (StuckClosings(1, 0, NOW), None, "ok", "about to be purged"),
        (StuckClosings(2, 0, NOW - timedelta(hours=1)), None, "warning", "2 accounts should have"),
        (StuckClosings(2, 1, NOW), "KeyError in clear.", "warning", "KeyError in clear."),
    ],
)
def test_accounts_that_should_be_gone_are_named(stuck, last_error, verdict, words):
    finding = judge_closings(stuck, NOW, last_error)
    assert finding.verdict == verdict
    assert words in finding.says


@pytest.mark.parametrize(("seconds", "is_named"), [(14 * 86_400, False), (3_600, True)])
def test_a_grace_that_is_over_before_anybody_looks_is_named(seconds, is_named):
    settings = Settings(_env_file=None, deletion_grace=seconds)
    named = [one for one in examine_lifetimes(settings) if "KEYWRIGHT_DELETION_GRACE" in one.says]
    assert bool(named) == is_named


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
