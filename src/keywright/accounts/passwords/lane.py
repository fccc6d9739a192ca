"""Those who wait for a hash: client networks take turns, and nobody takes many places."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keywright.core.errors import TooManyRequests

WAITING_PER_NETWORK = 4
RETRY_SECONDS = 1


@dataclass(slots=True, eq=False)
class Ticket:
    """One request. `account` comes from the typed address, never from a row that was found.

    `network` is None where the address cannot be known (`core.web.caller`).
    """

    network: str | None
    account: str
    start: Callable[[], asyncio.Future[Any]]
    answer: asyncio.Future[Any]


class Lane:
    """`most` is how many of this lane may run at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.running = 0
        self._turns: dict[str | None, deque[Ticket]] = {}
        self._accounts: set[str] = set()

    def __len__(self) -> int:
        return sum(len(tickets) for tickets in self._turns.values())

    def __contains__(self, ticket: Ticket) -> bool:
        return ticket in self._turns.get(ticket.network, ())

    def has_waiting(self, account: str) -> bool:
        return account in self._accounts

    def waiting_from(self, network: str | None) -> int:
        return len(self._turns.get(network, ()))

    def ahead_of_next(self, network: str | None) -> int:
        """How many go before the next ticket of this network, when networks take turns."""
        turn = self.waiting_from(network) + 1
        return sum(min(len(tickets), turn) for tickets in self._turns.values())

    def add(self, ticket: Ticket) -> None:
        self._turns.setdefault(ticket.network, deque()).append(ticket)
        self._accounts.add(ticket.account)

    def remove(self, ticket: Ticket) -> None:
        tickets = self._turns[ticket.network]
        tickets.remove(ticket)
        self._accounts.discard(ticket.account)
        if not tickets:
            del self._turns[ticket.network]

    def take_next(self) -> Ticket:
        network, tickets = next(iter(self._turns.items()))
        ticket = tickets[0]
        self.remove(ticket)
        self._end_turn(network)
        return ticket

    def _end_turn(self, network: str | None) -> None:
        """Client networks take turns, however many requests each of them sends."""
        if network in self._turns:
            self._turns[network] = self._turns.pop(network)


def refuse_second_for_account(lane: Lane, account: str) -> None:
    """One request waits for each account. Raises `TooManyRequests`."""
    if lane.has_waiting(account):
        raise no_place("password-queue-account", 1)


def refuse_fifth_from_network(lane: Lane, network: str | None) -> None:
    """Four requests wait from each network. Raises `TooManyRequests`."""
    if network is not None and lane.waiting_from(network) >= WAITING_PER_NETWORK:
        raise no_place("password-queue-network", WAITING_PER_NETWORK)


def no_place(policy: str, places: int) -> TooManyRequests:
    """A place is had or not, whatever the time: the policy has a unit and no window
    (draft-ietf-httpapi-ratelimit-headers-10 §3.1).
    """
    headers = {
        "RateLimit-Policy": f'"{policy}";q={places};qu="concurrent-requests"',
        "RateLimit": f'"{policy}";r=0;t={RETRY_SECONDS}',
    }
    return TooManyRequests(RETRY_SECONDS, headers=headers)
