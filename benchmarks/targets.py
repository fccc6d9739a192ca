"""What Keywright is to reach, and what a run found of it: ratios within the run, above all."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from benchmarks.compare import Case, Run
from benchmarks.floor import Floor, FloorInFastAPI
from benchmarks.load import Outcome
from benchmarks.ours import OurHost, OurServer, OurServerBuiltHere
from benchmarks.sizes import WITH
from benchmarks.subject import Measure

OURS, BUILT_HERE, HOST = OurServer.name, OurServerBuiltHere.name, OurHost.name
FLOOR, FLOOR_IN_FASTAPI = Floor.name, FloorInFastAPI.name
PEERS = (
    "fastapi-users",
    "better-auth",
    "django-allauth",
    "django-allauth, JWT",
    "oidc-provider",
    "oidc-provider opaque",
    "django-oauth-toolkit",
)
CHECKS = (
    Measure.WHO_AM_I,
    Measure.API_KEY,
    Measure.INTROSPECTION,
    Measure.USERINFO,
    Measure.JWKS,
)
CHECKED_BY_OIDC_PROVIDER = (Measure.INTROSPECTION, Measure.USERINFO, Measure.JWKS)
MANY = 32
Measured = Callable[[Run, str], float | None]  # on one database; None: not in this run


@dataclass(frozen=True)
class Target:
    """At least `limit`, or at most. `floor` measures what the floor would make of it."""

    what: str
    limit: float
    measured: Measured
    at_most: bool = False
    floor: Measured | None = None

    def is_met(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit

    @property
    def wanted(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}"


# How a target is measured


def times(measure: Measure, subject: str, connections: int = MANY, *, us: str = OURS) -> Measured:
    """Our rate over the subject's."""

    def measured(run: Run, database: str) -> float | None:
        mine = Case(database, measure, connections, us)
        return quotient(run, mine, replace(mine, subject=subject))

    return measured


def of_the_open_route(subject: str) -> Measured:
    def measured(run: Run, database: str) -> float | None:
        behind = Case(database, Measure.PROTECTED_ROUTE, MANY, subject)
        return quotient(run, behind, replace(behind, measure=Measure.OPEN_ROUTE))

    return measured


def times_the_fastest_peer(measure: Measure, *, us: str = OURS) -> Measured:
    def measured(run: Run, database: str) -> float | None:
        each = (times(measure, peer, us=us)(run, database) for peer in PEERS)
        return min((value for value in each if value is not None), default=None)

    return measured


def tail(measure: Measure, high: Callable[[Outcome], float]) -> Measured:
    """Over the median of all requests, in the round that has the middle rate."""

    def measured(run: Run, database: str) -> float | None:
        outcome = middle(run, Case(database, measure, MANY, OURS))
        return None if outcome is None else high(outcome) / outcome.p50

    return measured


def of_raw_argon2(us: str, *, beside: str | None = None) -> Measured:
    """Of what the same build verifies beside the same traffic (ours, or who is `beside` it), and
    does nothing else.
    """

    def measured(run: Run, database: str) -> float | None:
        case = Case(database, Measure.SIGN_IN, MANY, us)
        raw = run.raw_argon2.get((database, beside or us))
        if raw is None or case not in run.outcomes:
            return None
        return run.rate(case) / statistics.median(hashing.per_second for hashing in raw)

    return measured


def refusal_ms(run: Run, database: str) -> float | None:
    found = run.overloads.get(database)
    return None if found is None else found.p99 * 1e3


def storm(run: Run, database: str) -> float | None:
    found = run.storms.get(database)
    return None if found is None else found.ratio


def ready_after(run: Run, database: str) -> float | None:
    return run.ready_after.get((database, OURS))


def ready_mib(run: Run, database: str) -> float | None:
    return run.ready_mib.get((database, OURS))


def import_seconds(run: Run, _: str) -> float | None:
    return run.import_seconds


def slower_when_large(measure: Measure, us: str = OURS) -> Measured:
    def measured(run: Run, database: str) -> float | None:
        found = [
            small_and_large[0] / small_and_large[1]
            for case, small_and_large in by_size(run).items()
            if (case.database, case.measure, case.subject) == (database, measure, us)
        ]
        return max(found, default=None)

    return measured


TARGETS = (
    Target(
        "sign in, of raw Argon2",
        0.95,
        of_raw_argon2(OURS),
        floor=of_raw_argon2(FLOOR, beside=OURS),
    ),
    Target("sign in, of raw Argon2 built here", 0.95, of_raw_argon2(BUILT_HERE)),
    Target(
        "sign in, × better-auth",
        1.15,
        times(Measure.SIGN_IN, "better-auth"),
        floor=times(Measure.SIGN_IN, "better-auth", us=FLOOR),
    ),
    Target(
        "sign in with Argon2 built here, × better-auth",
        1.15,
        times(Measure.SIGN_IN, "better-auth", us=BUILT_HERE),
    ),
    Target("sign in, p99 over p50", 1.5, tail(Measure.SIGN_IN, lambda o: o.p99), at_most=True),
    Target("sign in when overloaded, p99 of the refusals in ms", 50, refusal_ms, at_most=True),
    Target(
        "protected route, of the same one open",
        0.85,
        of_the_open_route(HOST),
        floor=of_the_open_route(FLOOR_IN_FASTAPI),
    ),
    Target(
        "protected route, × fastapi-users",
        4,
        times(Measure.PROTECTED_ROUTE, "fastapi-users", us=HOST),
    ),
    *(Target(f"{m}, of the floor", 0.5, times(m, FLOOR)) for m in CHECKS),
    *(Target(f"{m}, of the floor, 1 connection", 0.6, times(m, FLOOR, 1)) for m in CHECKS),
    Target("who am I, × better-auth", 8, times(Measure.WHO_AM_I, "better-auth")),
    Target("who am I, × fastapi-users", 15, times(Measure.WHO_AM_I, "fastapi-users")),
    *(
        Target(f"{m}, × oidc-provider", 1.3, times(m, "oidc-provider"))
        for m in CHECKED_BY_OIDC_PROVIDER
    ),
    Target("refresh, of the floor", 0.5, times(Measure.REFRESH, FLOOR)),
    Target(
        "refresh, × the fastest peer",
        3,
        times_the_fastest_peer(Measure.REFRESH),
        floor=times_the_fastest_peer(Measure.REFRESH, us=FLOOR),
    ),
    Target("refresh, p99.9 over p50", 5, tail(Measure.REFRESH, lambda o: o.p999), at_most=True),
    Target("client credentials, of the floor", 0.5, times(Measure.CLIENT_CREDENTIALS, FLOOR)),
    Target(
        "client credentials, × oidc-provider (RS256)",
        3.5,
        times(Measure.CLIENT_CREDENTIALS, "oidc-provider"),
    ),
    Target(
        "client credentials, × oidc-provider (opaque)",
        1,
        times(Measure.CLIENT_CREDENTIALS, "oidc-provider opaque"),
    ),
    Target("who am I, p99 in a storm of sign-ins over that at rest", 5, storm, at_most=True),
    Target("ready after start, s", 1.0, ready_after, at_most=True),
    Target("of it importing, s", 0.65, import_seconds, at_most=True),
    Target("resident when ready, MiB", 100, ready_mib, at_most=True),
    *(
        Target(f"{m}, × slower with much in the database", 1.3, slower_when_large(m), at_most=True)
        for m in (
            Measure.WHO_AM_I,
            Measure.WHO_AM_I_UNCACHED,
            Measure.REFRESH,
            Measure.SIGN_IN,
        )
    ),
    Target(
        "protected route, × slower with much in the database",
        1.3,
        slower_when_large(Measure.PROTECTED_ROUTE, HOST),
        at_most=True,
    ),
)


# What a run found


def quotient(run: Run, over: Case, under: Case) -> float | None:
    if over not in run.outcomes or under not in run.outcomes or not run.rate(under):
        return None
    return run.rate(over) / run.rate(under)


def middle(run: Run, case: Case) -> Outcome | None:
    """The round whose rate is the median."""
    outcomes = sorted(run.outcomes.get(case, ()), key=lambda outcome: outcome.rate)
    return outcomes[len(outcomes) // 2] if outcomes else None


def by_size(run: Run) -> dict[Case, list[float]]:
    """The rates of a subject with little in its database and with much (`sizes.py`)."""
    rates: dict[Case, list[float]] = {}
    for case in run.outcomes:
        subject, sized, _ = case.subject.partition(WITH)
        if sized:
            rates.setdefault(replace(case, subject=subject), []).append(run.rate(case))
    return {case: found for case, found in rates.items() if len(found) > 1}


def judged(run: Run, databases: tuple[str, ...]) -> Iterator[str]:
    """The rows of a table."""
    for target in TARGETS:
        values = [target.measured(run, database) for database in databases]
        floors = [target.floor(run, database) if target.floor else None for database in databases]
        figures = [figure(value) for value in values]
        beside = " / ".join(figure(value) for value in floors if value is not None)
        cells = [target.what, target.wanted, *figures, beside, verdict(target, values)]
        yield f"| {' | '.join(cells)} |"


def figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def verdict(target: Target, values: list[float | None]) -> str:
    found = [target.is_met(value) for value in values if value is not None]
    if not found:
        return "not in this run"
    return "met" if all(found) else "**not met**"
