"""All servers up at once, asked in turns, so that what else happens falls on all of them."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bare import TOGETHER, Hashing, Limit, builds_here
from benchmarks.bare_argon2 import Build
from benchmarks.beside import argon2_beside_load
from benchmarks.floor import Floor, FloorInFastAPI, FloorOnGranian
from benchmarks.hello import FastAPIHello, Hello, HelloOnGranian, NodeHello, StarletteHello
from benchmarks.load import Generator, Outcome
from benchmarks.machine import Cores, busy_seconds, share_cores
from benchmarks.ours import OurHost, OurServer, OurServerBuiltHere
from benchmarks.peers.allauth.jwt_peer import AllauthJwt
from benchmarks.peers.allauth.peer import Allauth
from benchmarks.peers.better_auth.peer import BetterAuth
from benchmarks.peers.fastapi_users.peer import FastapiUsers
from benchmarks.peers.oauth_toolkit.peer import OAuthToolkit
from benchmarks.peers.oidc_provider.peer import OidcProvider
from benchmarks.servers import Running, durable_postgres, new_place, start
from benchmarks.subject import Measure, Subject
from benchmarks.trials import (
    Overload,
    Storm,
    Watch,
    brave_storm,
    overload,
    watch_revocation,
)

SIGN_IN_SECONDS = 10  # who hashes on the event loop answers nobody for a while
IDLE_SECONDS = 0.3
CALM_SECONDS = 20.0  # at most
ARGON2_OF = {OurServer.name: Build.WHEEL, OurServerBuiltHere.name: Build.BUILT_HERE}


def subjects() -> tuple[Subject, ...]:
    return (
        OurServer(),
        *([OurServerBuiltHere()] if Build.BUILT_HERE in builds_here() else []),
        OurHost(),
        Floor(),
        FloorOnGranian(),
        FloorInFastAPI(),
        Hello(),
        HelloOnGranian(),
        StarletteHello(),
        FastAPIHello(),
        NodeHello(),
        FastapiUsers(),
        BetterAuth(cookie_cache=True),
        BetterAuth(cookie_cache=False),
        Allauth(),
        AllauthJwt(),
        OidcProvider(signed=True),
        OidcProvider(signed=False),
        OAuthToolkit(),
    )


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: int
    connections: tuple[int, ...]
    databases: tuple[str, ...]
    measures: tuple[Measure, ...]
    users: int
    sessions: int


@dataclass(frozen=True)
class Case:
    """One cell of the table."""

    database: str
    measure: Measure
    connections: int
    subject: str


@dataclass
class Run:
    outcomes: dict[Case, list[Outcome]] = field(default_factory=dict)
    ready_after: dict[tuple[str, str], float] = field(default_factory=dict)
    ready_mib: dict[tuple[str, str], float] = field(default_factory=dict)
    resident_mib: dict[tuple[str, str], float] = field(default_factory=dict)
    storms: dict[str, Storm] = field(default_factory=dict)
    watches: dict[str, Watch] = field(default_factory=dict)
    overloads: dict[str, Overload] = field(default_factory=dict)
    raw_argon2: dict[tuple[str, str], list[Hashing]] = field(default_factory=dict)
    limits: list[Limit] = field(default_factory=list)
    import_seconds: float | None = None
    flaws: list[str] = field(default_factory=list)

    def note(self, case: Case, outcome: Outcome) -> None:
        self.outcomes.setdefault(case, []).append(outcome)
        if outcome.flaw is not None:
            self.flaws.append(f"{case}: {outcome.flaw}")

    def rate(self, case: Case) -> float:
        """The median of the rounds, in right answers a second."""
        return statistics.median(outcome.rate for outcome in self.outcomes[case])


def compare(plan: Plan, home: Path, among: Sequence[Subject]) -> Run:
    run, cores = Run(), share_cores()
    for database in plan.databases:
        with started(plan, among, database, home / database, cores) as servers:
            for server in servers:
                run.ready_after[database, server.subject.name] = server.ready_after
                run.ready_mib[database, server.subject.name] = server.ready_mib
            for number in range(plan.rounds):
                print(f"{database}, round {number + 1} of {plan.rounds}", flush=True)
                for case, server in in_turns(plan, database, servers):
                    run.note(case, ask(server, case, plan.seconds, cores))
                hash_beside_load(run, database, home / f"argon2-{database}-{number}", cores)
            for server in servers:
                try_ours(run, plan, database, server, cores)
                run.resident_mib[database, server.subject.name] = server.resident_mib
    return run


def hash_beside_load(run: Run, database: str, home: Path, cores: Cores) -> None:
    """What of each build of Argon2 is left to sign in with, in the same round."""
    for name, build in ARGON2_OF.items():
        case = Case(database, Measure.SIGN_IN, TOGETHER, name)
        if case in run.outcomes:
            found = argon2_beside_load(build, cores, home / build.name, rate=run.rate(case))
            run.raw_argon2.setdefault((database, name), []).append(found)


def try_ours(run: Run, plan: Plan, database: str, server: Running, cores: Cores) -> None:
    if server.subject.name != OurServer.name:
        return
    if Measure.SIGN_IN in plan.measures:
        try_overload(run, plan, database, server, cores)
    if Measure.WHO_AM_I in plan.measures:
        try_who_am_i(run, plan, database, server, cores)


def try_overload(run: Run, plan: Plan, database: str, server: Running, cores: Cores) -> None:
    wait_until_calm(server)
    found = run.overloads[database] = overload(server, cores, plan.seconds)
    if found.flaw or found.without_advice:
        run.flaws.append(
            f"{database}: in an overload {found.without_advice} refusals had no Retry-After; "
            f"another answer: {found.flaw}"
        )


def try_who_am_i(run: Run, plan: Plan, database: str, server: Running, cores: Cores) -> None:
    wait_until_calm(server)
    run.storms[database] = brave_storm(server, cores, max(plan.seconds, SIGN_IN_SECONDS))
    wait_until_calm(server)
    run.watches[database] = watch_revocation(server, cores, plan.seconds)
    if late := run.watches[database].late:
        run.flaws.append(f"{database}: {late} answers were good after the session had ended")


@contextmanager
def started(
    plan: Plan, among: Sequence[Subject], database: str, home: Path, cores: Cores
) -> Iterator[list[Running]]:
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)  # there may be gigabytes
        servers: list[Running] = []
        new_database = stack.enter_context(databases(database, home, cores))
        for number, subject in enumerate(asked_for(plan, among, database)):
            print(f"  {database}: {subject.name}", flush=True)
            subject.install()
            place = new_place(home / str(number), new_database(number), plan.users, plan.sessions)
            subject.seed(place)
            servers.append(start(subject, place, cores.all))  # it makes as many threads as it may
            servers[-1].move_to(cores.server)
            stack.callback(servers[-1].stop)
        yield servers


@contextmanager
def databases(kind: str, home: Path, cores: Cores) -> Iterator[Callable[[int], str]]:
    """What makes an address for each subject."""
    if kind == "sqlite":
        yield lambda number: f"sqlite:///{home / str(number)}/bench.db"
        return
    with durable_postgres(cores.others) as postgres:
        yield lambda _: postgres.url(postgres.create_database())


def asked_for(plan: Plan, among: Sequence[Subject], database: str) -> list[Subject]:
    return [
        subject
        for subject in among
        if database in subject.databases and set(subject.measures) & set(plan.measures)
    ]


def in_turns(
    plan: Plan, database: str, servers: Sequence[Running]
) -> Iterator[tuple[Case, Running]]:
    for measure in plan.measures:
        for connections in plan.connections:
            for server in servers:
                if measure in server.subject.measures:
                    yield Case(database, measure, connections, server.subject.name), server


def ask(server: Running, case: Case, seconds: int, cores: Cores) -> Outcome:
    """A sign-in may use all cores, as its hashes do; everything else is one worker on one core."""
    load = server.subject.load(case.measure, server.place)
    wait_until_calm(server)
    if case.measure is not Measure.SIGN_IN:
        return Generator(cores.others).send(
            load, server.place.url, connections=case.connections, seconds=seconds
        )
    server.move_to(cores.all)
    outcome = Generator(cores.all).send(
        load,
        server.place.url,
        connections=case.connections,
        seconds=max(seconds, SIGN_IN_SECONDS),
    )
    server.move_to(cores.server)
    return outcome


def wait_until_calm(server: Running) -> None:
    """Until it has worked off what an earlier load asked and did not wait for."""
    give_up = time.monotonic() + CALM_SECONDS
    busy = -1.0
    while (now := busy_seconds(server.process.pid)) - busy > IDLE_SECONDS / 10:
        if time.monotonic() > give_up:
            return
        busy = now
        time.sleep(IDLE_SECONDS)
