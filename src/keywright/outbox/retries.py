"""When to try a message again: at once at first, then ever later, for about a day."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

FIRST_DELAY_SECONDS = 5
LONGEST_DELAY_SECONDS = 15 * 60
MAX_ATTEMPTS = 100  # eight growing delays, then 15 min each: 23 hours in the mean
SPREAD = 0.25


def retry_delay(message_id: UUID, attempts: int) -> timedelta | None:
    """How long to wait after the attempt of that number; None: give up.

    Messages that failed together come back apart: each one's random bits move its delays by up
    to a quarter.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    seconds = min(FIRST_DELAY_SECONDS * 2 ** (attempts - 1), LONGEST_DELAY_SECONDS)
    share = int.from_bytes(message_id.bytes[-2:]) / 0xFFFF
    return timedelta(seconds=seconds * (1 - SPREAD + 2 * SPREAD * share))
