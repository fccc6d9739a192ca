"""Moments and durations, in words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from keywright.core.dates import say_day, say_duration, say_moment

EVENING = datetime(2026, 3, 4, 23, 43, tzinfo=timezone(timedelta(hours=-2)))


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(1, "1 minute"), (10, "10 minutes"), (60, "1 hour"), (90, "90 minutes"), (1440, "24 hours")],
)
def test_durations_are_said_in_words(minutes: int, words: str) -> None:
    assert say_duration(timedelta(minutes=minutes)) == words


def test_moments_and_days_are_said_in_utc() -> None:
    assert say_moment(EVENING) == "5 March 2026, 01:43 UTC"
    assert say_day(EVENING) == "5 March 2026"
