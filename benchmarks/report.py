"""What a run found: figures as JSON, a page to read, and a plot of each comparison."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.compare import Plan, Run
from benchmarks.machine import Machine
from benchmarks.page import OURS, comparisons, page, rates_of
from benchmarks.plot import bars
from benchmarks.sizes import WITH


def write_report(machine: Machine, plan: Plan, run: Run, what: str, results: Path) -> Path:
    """One folder a machine, day and choice (`what`); a later run of the day takes its place."""
    name = re.sub(r"[^a-z0-9]+", "-", f"{machine.name} {what}".lower()).strip("-")
    folder = results / f"{datetime.now(UTC):%Y-%m-%d}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "figures.json").write_text(json.dumps(figures(machine, plan, run), indent=1))
    (folder / "README.md").write_text("\n".join(page(machine, plan, run)) + "\n")
    for database, measure, connections in comparisons(run):
        rates = rates_of(run, database, measure, connections)
        ours = {name for name in rates if name.partition(WITH)[0] in OURS}
        file = f"{database}-{measure}-{connections}.svg".replace(" ", "-").replace(",", "")
        title = f"{measure}, {connections} connections, {database} (requests/s)"
        (folder / file).write_text(bars(title, rates, highlighted=ours))
    return folder


def figures(machine: Machine, plan: Plan, run: Run) -> dict[str, object]:
    return {
        "machine": asdict(machine),
        "plan": asdict(plan),
        "limits": [asdict(limit) for limit in run.limits],
        "outcomes": [
            {**asdict(case), "rounds": msgspec.to_builtins(outcomes)}
            for case, outcomes in run.outcomes.items()
        ],
        "storms": {name: msgspec.to_builtins(storm) for name, storm in run.storms.items()},
        "watches": {name: asdict(watch) for name, watch in run.watches.items()},
        "overloads": {name: msgspec.to_builtins(one) for name, one in run.overloads.items()},
        "raw_argon2": {" ".join(k): msgspec.to_builtins(v) for k, v in run.raw_argon2.items()},
        "import_seconds": run.import_seconds,
        "ready_after_seconds": {" ".join(key): s for key, s in run.ready_after.items()},
        "ready_mib": {" ".join(key): round(mib, 1) for key, mib in run.ready_mib.items()},
        "resident_mib": {" ".join(key): round(mib, 1) for key, mib in run.resident_mib.items()},
    }
