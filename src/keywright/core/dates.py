"""Moments and durations as people read them, in mails and on pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def say_moment(at: datetime) -> str:
    return f"{say_day(at)}, {at.astimezone(UTC):%H:%M} UTC"


def say_day(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def say_duration(duration: timedelta) -> str:
    minutes = round(duration.total_seconds() / 60)
    if minutes < 60 or minutes % 60:  # noqa: PLR2004 - minutes in an hour
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours = minutes // 60
    return "1 hour" if hours == 1 else f"{hours} hours"
