"""What a run found: figures as JSON, a table to read, and a plot of each comparison."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.compare import Case, Plan, Run
from benchmarks.machine import Machine
from benchmarks.plot import bars
from benchmarks.subject import Measure

OURS = ("keywright", "keywright in FastAPI")
NOT_BUILT_YET = {
    Measure.API_KEY: "API keys are not built yet",
    Measure.INTROSPECTION: "the OAuth provider is not built yet",
    Measure.USERINFO: "the OAuth provider is not built yet",
    Measure.CLIENT_CREDENTIALS: "the OAuth provider is not built yet",
}


def write_report(machine: Machine, plan: Plan, run: Run, results: Path) -> Path:
    """One folder a machine, day and choice of measures; a later run of the day takes its place."""
    asked = () if set(plan.measures) == set(Measure) else plan.measures
    name = re.sub(r"[^a-z0-9]+", "-", " ".join((machine.name, *asked)).lower()).strip("-")
    folder = results / f"{datetime.now(UTC):%Y-%m-%d}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "figures.json").write_text(json.dumps(figures(machine, plan, run), indent=1))
    (folder / "README.md").write_text("\n".join(table(machine, plan, run)) + "\n")
    for database, measure, connections in comparisons(run):
        rates = rates_of(run, database, measure, connections)
        file = f"{database}-{measure}-{connections}.svg".replace(" ", "-").replace(",", "")
        title = f"{measure}, {connections} connections, {database} (requests/s)"
        (folder / file).write_text(bars(title, rates, highlighted=OURS))
    return folder


def figures(machine: Machine, plan: Plan, run: Run) -> dict[str, object]:
    return {
        "machine": asdict(machine),
        "plan": asdict(plan),
        "outcomes": [
            {**asdict(case), "rounds": msgspec.to_builtins(outcomes)}
            for case, outcomes in run.outcomes.items()
        ],
        "storms": {name: msgspec.to_builtins(storm) for name, storm in run.storms.items()},
        "watches": {name: asdict(watch) for name, watch in run.watches.items()},
        "ready_after_seconds": {" ".join(key): s for key, s in run.ready_after.items()},
        "resident_mib": {" ".join(key): round(mib, 1) for key, mib in run.resident_mib.items()},
    }


def comparisons(run: Run) -> list[tuple[str, Measure, int]]:
    return list(dict.fromkeys((c.database, c.measure, c.connections) for c in run.outcomes))


def rates_of(run: Run, database: str, measure: Measure, connections: int) -> dict[str, float]:
    return {
        case.subject: run.rate(case)
        for case in run.outcomes
        if (case.database, case.measure, case.connections) == (database, measure, connections)
    }


def table(machine: Machine, plan: Plan, run: Run) -> Iterator[str]:
    yield f"# {machine.name}, {machine.cores} cores"
    yield ""
    yield (
        f"{datetime.now(UTC):%Y-%m-%d}, {machine.kernel}, Python {machine.python}, "
        f"{machine.memory_gib} GiB, {machine.fsyncs} fsyncs/s. {plan.rounds} rounds of "
        f"{plan.seconds} s, {plan.users:,} accounts, {plan.sessions:,} sessions. One worker on one "
        "core, the load on the others; sign-in on all. Medians, and the range of the rounds; "
        "`ours ×` is Keywright's rate over the subject's."
    )
    for database, measure, connections in comparisons(run):
        yield from ["", f"## {measure}, {connections} connections, {database}", ""]
        yield "| subject | requests/s | range | p50 ms | p99 ms | p99.9 ms | ours × |"
        yield "|---|---:|---:|---:|---:|---:|---:|"
        rates = rates_of(run, database, measure, connections)
        ours = next((rates[name] for name in OURS if name in rates), None)
        for subject in sorted(rates, key=lambda name: -rates[name]):
            yield row(run, Case(database, measure, connections, subject), ours)
    yield from [
        "",
        "## Start and memory",
        "",
        "| | ready after s | resident MiB |",
        "|---|---:|---:|",
    ]
    for key, seconds in run.ready_after.items():
        yield f"| {' '.join(key)} | {seconds:.2f} | {run.resident_mib[key]:.0f} |"
    yield from trials(run)
    yield from ["", "## Rows to come", ""]
    for measure, why in NOT_BUILT_YET.items():
        yield f"- {measure}: {why}."


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


def row(run: Run, case: Case, ours: float | None) -> str:
    outcomes, rate = run.outcomes[case], run.rate(case)
    rates = [outcome.rate for outcome in outcomes]
    middle = sorted(outcomes, key=lambda outcome: outcome.rate)[len(outcomes) // 2]
    ratio = f"{ours / rate:.2f}" if ours is not None and rate else "–"
    return (
        f"| {case.subject} | {rate:,.0f} | {min(rates):,.0f}–{max(rates):,.0f} | "
        f"{middle.p50 * 1e3:.2f} | {middle.p99 * 1e3:.2f} | {middle.p999 * 1e3:.2f} | {ratio} |"
    )
