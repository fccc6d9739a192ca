"""The page of a run: what it says, section by section, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from benchmarks.compare import Case, Plan, Run
from benchmarks.machine import Machine
from benchmarks.ours import OurHost, OurServer, OurServerBuiltHere
from benchmarks.subject import Measure
from benchmarks.targets import by_size, judged, middle

OURS = (OurServer.name, OurHost.name, OurServerBuiltHere.name)
NOT_BUILT_YET = {
    Measure.API_KEY: "API keys are not built yet",
    Measure.INTROSPECTION: "the OAuth provider is not built yet",
    Measure.USERINFO: "the OAuth provider is not built yet",
    Measure.CLIENT_CREDENTIALS: "the OAuth provider is not built yet",
}


def page(machine: Machine, plan: Plan, run: Run) -> Iterator[str]:
    yield f"# {machine.name}, {machine.cores} cores"
    yield ""
    yield (
        f"{datetime.now(UTC):%Y-%m-%d}, {machine.kernel}, Python {machine.python}, "
        f"{machine.memory_gib} GiB, {machine.fsyncs} fsyncs/s. {plan.rounds} rounds of "
        f"{plan.seconds} s, {plan.users:,} accounts, {plan.sessions:,} sessions. One worker on one "
        "core, the load on the others; sign-in on all. Medians, and the range of the rounds; "
        "`ours ×` is Keywright's rate over the subject's."
    )
    yield from targets(plan, run)
    yield from sizes(run)
    for comparison in comparisons(run):
        yield from compared(run, *comparison)
    yield from start_and_memory(run)
    yield from trials(run)
    yield from sign_ins(run)
    yield from limits(run)
    yield from ["", "## Rows to come", ""]
    for measure, why in NOT_BUILT_YET.items():
        yield f"- {measure}: {why}."


def targets(plan: Plan, run: Run) -> Iterator[str]:
    yield from ["", "## Targets", ""]
    yield f"| 32 connections | wanted | {' | '.join(plan.databases)} | the floor | |"
    yield f"|---|---:|{'---:|' * len(plan.databases)}---:|---|"
    yield from judged(run, plan.databases)


def sizes(run: Run) -> Iterator[str]:
    found = by_size(run)
    if not found:
        return
    yield from ["", "## By size", ""]
    yield "| | little in it | much | × slower |"
    yield "|---|---:|---:|---:|"
    for case, (small, *_, large) in found.items():
        what = f"{case.subject}, {case.measure}, {case.connections} connections, {case.database}"
        yield f"| {what} | {small:,.0f} | {large:,.0f} | {small / large:.2f} |"


def comparisons(run: Run) -> list[tuple[str, Measure, int]]:
    return list(dict.fromkeys((c.database, c.measure, c.connections) for c in run.outcomes))


def rates_of(run: Run, database: str, measure: Measure, connections: int) -> dict[str, float]:
    return {
        case.subject: run.rate(case)
        for case in run.outcomes
        if (case.database, case.measure, case.connections) == (database, measure, connections)
    }


def compared(run: Run, database: str, measure: Measure, connections: int) -> Iterator[str]:
    yield from ["", f"## {measure}, {connections} connections, {database}", ""]
    yield "| subject | requests/s | range | p50 ms | p99 ms | p99.9 ms | ours × |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    rates = rates_of(run, database, measure, connections)
    ours = next((rates[name] for name in OURS if name in rates), None)
    for subject in sorted(rates, key=lambda name: -rates[name]):
        yield row(run, Case(database, measure, connections, subject), ours)


def row(run: Run, case: Case, ours: float | None) -> str:
    rate, typical = run.rate(case), middle(run, case)
    rates = [outcome.rate for outcome in run.outcomes[case]]
    assert typical is not None
    ratio = f"{ours / rate:.2f}" if ours is not None and rate else "–"
    return (
        f"| {case.subject} | {rate:,.0f} | {min(rates):,.0f}–{max(rates):,.0f} | "
        f"{typical.p50 * 1e3:.2f} | {typical.p99 * 1e3:.2f} | {typical.p999 * 1e3:.2f} | {ratio} |"
    )


def start_and_memory(run: Run) -> Iterator[str]:
    yield from ["", "## Start and memory", ""]
    if run.import_seconds is not None:
        yield from [f"Importing the server takes {run.import_seconds:.2f} s of its start.", ""]
    yield "| | ready after s | MiB when ready | MiB after load |"
    yield "|---|---:|---:|---:|"
    for key, seconds in run.ready_after.items():
        memory = f"{run.ready_mib[key]:.0f} | {run.resident_mib[key]:.0f}"
        yield f"| {' '.join(key)} | {seconds:.2f} | {memory} |"


def trials(run: Run) -> Iterator[str]:
    for database, storm in run.storms.items():
        yield from ["", f"## Who am I while 64 connections sign in, {database}", ""]
        yield (
            f"p99 {storm.at_rest.p99 * 1e3:.1f} ms at rest, {storm.in_storm.p99 * 1e3:.1f} ms in "
            f"the storm: {storm.ratio:.1f} ×. Meanwhile {storm.sign_ins.rate:.0f} sign-ins/s, "
            f"their p50 {storm.sign_ins.p50:.2f} s, p99 {storm.sign_ins.p99:.2f} s."
        )
    for database, watch in run.watches.items():
        yield from ["", f"## A session that is ended during the run, {database}", ""]
        yield (
            f"{watch.good} answers before, {watch.late} good ones after, {watch.refused} refusals."
        )


def sign_ins(run: Run) -> Iterator[str]:
    for (database, subject), rounds in run.raw_argon2.items():
        rates = ", ".join(f"{hashing.per_second:.1f}" for hashing in rounds)
        yield from ["", f"## Argon2 alone beside the same load, {subject}, {database}", ""]
        yield f"{rates} verifications/s in the rounds."
    for database, overload in run.overloads.items():
        yield from ["", f"## More sign-ins than the server takes, {database}", ""]
        yield (
            f"Of {overload.arrived} {overload.signed_in} signed in and {overload.refused} were "
            f"refused, p50 {overload.p50 * 1e3:.1f} ms, p99 {overload.p99 * 1e3:.1f} ms; "
            f"{overload.without_advice} of these without Retry-After."
        )


def limits(run: Run) -> Iterator[str]:
    if not run.limits:
        return
    yield from ["", "## What is under every server", ""]
    yield "| | per second | ms of a core each |"
    yield "|---|---:|---:|"
    for limit in run.limits:
        cpu = "–" if limit.cpu_ms is None else f"{limit.cpu_ms:.1f}"
        yield f"| {limit.what} | {limit.per_second:,.1f} | {cpu} |"
