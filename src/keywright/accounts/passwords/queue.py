"""The fair queue in front of the hashing threads (security.md, "Passwords").

Known devices have a lane of their own: it goes first, and strangers cannot fill it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from keywright.accounts.passwords.errors import Overloaded
from keywright.accounts.passwords.lane import (
    Lane,
    Ticket,
    refuse_fifth_from_network,
    refuse_second_for_account,
)

Result = TypeVar("Result")

LONGEST_WAIT = 2.0  # seconds
PROMISED = 0.85  # of it: a wait comes out longer than projected, and who is let in is to be served
FIRST_ESTIMATE = 0.05  # seconds, until hashes have been measured
NEWEST_WEIGHT = 0.1
KNOWN_IN_A_ROW = 9


class FairQueue:
    """Runs `slots` pieces of work at once; knows nothing of threads or passwords."""

    def __init__(
        self,
        slots: int,
        *,
        longest_wait: float = LONGEST_WAIT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = slots
        self._longest_wait = longest_wait
        self._now = now
        self._known = Lane(slots)
        self._strangers = Lane(slots - slots_kept_for_known_devices(slots))
        self._known_in_a_row = 0
        self._usual_duration = FIRST_ESTIMATE
        self._closed = False

    async def run(
        self,
        start: Callable[[], asyncio.Future[Result]],
        *,
        network: str | None,
        account: str,
        known_device: bool = False,
    ) -> Result:
        """The result of `start()`, called when it is this request's turn.

        The slot is given back when the future is done, whether or not the caller still waits.
        Raises `TooManyRequests` when the account or the network has taken its places already,
        `Overloaded` when the wait is or would be too long.
        """
        loop = asyncio.get_running_loop()
        lane = self._lane_of(known_device)
        ticket = Ticket(network, account, start, loop.create_future())
        self._admit(lane, ticket)
        timer = loop.call_later(self._longest_wait, self._end_wait, lane, ticket)
        try:
            result: Result = await ticket.answer
        finally:
            timer.cancel()
            if ticket in lane:  # the caller went away
                lane.remove(ticket)
        return result

    def close(self) -> None:
        """Start nothing more, and send those away who wait."""
        self._closed = True
        for lane in (self._known, self._strangers):
            while len(lane):
                ticket = lane.take_next()
                settle(ticket.answer, Overloaded())

    def _lane_of(self, known_device: bool) -> Lane:
        return self._known if known_device else self._strangers

    def _admit(self, lane: Lane, ticket: Ticket) -> None:
        if self._closed:
            raise Overloaded
        if not self._has_slot(lane):
            refuse_second_for_account(lane, ticket.account)
            refuse_fifth_from_network(lane, ticket.network)
            refuse_long_wait(self._projected_wait(lane, ticket), PROMISED * self._longest_wait)
        lane.add(ticket)
        self._serve()

    def _projected_wait(self, lane: Lane, ticket: Ticket) -> float:
        ahead = lane.ahead_of_next(ticket.network)
        if lane is self._strangers:
            ahead += len(self._known)
        return (ahead + 1) * self._usual_duration / lane.most

    def _end_wait(self, lane: Lane, ticket: Ticket) -> None:
        if ticket in lane:
            lane.remove(ticket)
            settle(ticket.answer, Overloaded(retry_after=math.ceil(self._longest_wait)))

    def _serve(self) -> None:
        while lane := self._next_lane():
            ticket = lane.take_next()
            self._known_in_a_row = self._known_in_a_row + 1 if lane is self._known else 0
            self._begin(lane, ticket)

    def _next_lane(self) -> Lane | None:
        lanes = who_goes_first(self._known, self._strangers, self._known_in_a_row)
        return next((lane for lane in lanes if len(lane) and self._has_slot(lane)), None)

    def _has_slot(self, lane: Lane) -> bool:
        running = self._known.running + self._strangers.running
        return running < self._slots and lane.running < lane.most

    def _begin(self, lane: Lane, ticket: Ticket) -> None:
        work = ticket.start()
        lane.running += 1
        work.add_done_callback(partial(self._finish, lane, ticket, self._now()))

    def _finish(self, lane: Lane, ticket: Ticket, begun: float, work: asyncio.Future[Any]) -> None:
        lane.running -= 1
        duration = self._now() - begun
        self._usual_duration += NEWEST_WEIGHT * (duration - self._usual_duration)
        if work.cancelled():
            ticket.answer.cancel()
        else:
            settle(ticket.answer, work.exception() or work.result())
        self._serve()


def slots_kept_for_known_devices(slots: int) -> int:
    """A tenth of the slots. Where that is less than one, going first is their share."""
    return slots // 10


def who_goes_first(known: Lane, strangers: Lane, known_in_a_row: int) -> tuple[Lane, Lane]:
    """Known devices, but a stranger in ten, so that neither shuts the other out."""
    if known_in_a_row < KNOWN_IN_A_ROW:
        return known, strangers
    return strangers, known


def refuse_long_wait(projected: float, longest: float) -> None:
    """Nobody waits who would wait too long. Raises `Overloaded` at once."""
    if projected > longest:
        raise Overloaded(retry_after=math.ceil(projected))


def settle(answer: asyncio.Future[Any], outcome: Any) -> None:
    """Answer a caller who is still there."""
    if answer.done():
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
