"""What the doctor makes of what it measures, where the measured thing is hard to bring about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from keywright.outbox.models import Backlog
from keywright.server.doctor.clock import judge_difference
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
