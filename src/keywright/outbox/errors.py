from __future__ import annotations

import traceback

from keywright.core.errors import KeywrightError, NotFound

REASON_LENGTH = 300


class DeliveryError(KeywrightError):
    """Why a message did not go out. Its `detail` is stored and logged: no secret belongs in it."""


class DeliveryFailed(DeliveryError):
    """Not now: it is tried again later."""

    code = "delivery_failed"
    title = "The message could not be delivered yet"
    detail = "The message could not be delivered yet; it is tried again."


class DeliveryRefused(DeliveryError):
    """Never like this: it is parked, with the reason, until an administrator tries it again."""

    code = "delivery_refused"
    title = "The message was refused"
    detail = "The message was refused and is kept for an administrator."


class LeaseLost(DeliveryError):
    """Another courier took the message over; whatever this one wrote is rolled back."""

    code = "delivery_lease_lost"
    title = "Another process delivers this message"
    detail = "Another process took this message over."


class MessageNotParked(NotFound):
    code = "message_not_parked"
    title = "No such message"
    detail = "No message with this id was given up. It may have been delivered, or have expired."


def describe_failure(error: BaseException) -> str:
    """What may be stored and logged about a failure.

    A delivery error's own sentence, another of our errors' fixed one; of the rest only type and
    place, because their text may repeat the message (a link, a token).
    """
    if isinstance(error, DeliveryError):
        return error.detail[:REASON_LENGTH]
    if isinstance(error, KeywrightError):
        return type(error).detail[:REASON_LENGTH]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"[:REASON_LENGTH]
