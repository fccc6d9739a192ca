"""What is measured: a server that is installed, filled, started and asked.

Each subject is a module with one class; `python -m benchmarks` runs them beside each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

PASSWORD = "a horse that reads 40 books"  # of every account that is seeded
ARGON2_MEMORY_KIB = 19 * 1024
ARGON2_ITERATIONS = 2
ARGON2_LANES = 1


class Measure(StrEnum):
    """One kind of request. Each subject answers those that it has."""

    HELLO = "hello"  # the least that the same framework answers
    OPEN_ROUTE = "open route"  # a route of a host application, unprotected …
    PROTECTED_ROUTE = "protected route"  # … and the same one behind a signed-in user
    WHO_AM_I = "who am I"
    WHO_AM_I_UNCACHED = "who am I, uncached"
    API_KEY = "API key"
    INTROSPECTION = "introspection"
    USERINFO = "userinfo"
    JWKS = "JWKS"
    REFRESH = "refresh"
    CLIENT_CREDENTIALS = "client credentials"
    SIGN_IN = "sign in"


@dataclass(frozen=True)
class Request:
    path: str
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class Load:
    """Requests that are sent in turn, again and again; every answer is checked while counted.

    `expected` is a Lua pattern (`string.find`) that each body must hold. With `successor`, a Lua
    pattern with one capture, an answer gives the text that replaces `{}` in the next request's
    body and headers: `requests` are then the first of each chain, with their own text filled in,
    and `template` is what follows. There is at least one request more than connections.
    """

    requests: tuple[Request, ...]
    expected: str
    status: int = 200
    successor: str | None = None
    template: Request | None = None


@dataclass(frozen=True)
class Place:
    """Where one server of a run lives. `database` is `sqlite:///…` or `postgresql://…`, and empty
    when `seed` gets it; `home` keeps files between `seed`, `start` and `load`.
    """

    home: Path
    database: str
    port: int
    users: int = 20_000  # user0@bench.example … all with PASSWORD
    sessions: int = 20_000  # signed-in sessions, spread over the users

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def uses_sqlite(self) -> bool:
        return self.database.startswith("sqlite")


@dataclass(frozen=True)
class Command:
    """A server process, without pinning: the run does that. It serves with one worker."""

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)  # added to PATH and HOME
    folder: Path | None = None


class Subject(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def databases(self) -> tuple[str, ...]:
        """Of "sqlite" and "postgresql"."""

    @property
    def measures(self) -> tuple[Measure, ...]: ...

    def install(self) -> None:
        """Fetch and build what it needs from packages, once; locked versions."""

    def seed(self, place: Place) -> None:
        """Make schema, accounts and sessions in the empty database, the durable way."""

    def command(self, place: Place) -> Command: ...

    def is_ready(self, place: Place) -> bool:
        """Whether the started server answers."""

    def load(self, measure: Measure, place: Place) -> Load:
        """What to send, once the server is up: signs in over HTTP where it needs tokens.

        Asked for anew before each run: a chain of refreshes begins with tokens never used before.
        """


def email_of(number: int) -> str:
    return f"user{number}@bench.example"


def spread(total: int, most: int) -> list[int]:
    """Up to `most` numbers below `total`, evenly apart."""
    count = min(total, most)
    return [number * total // count for number in range(count)]
