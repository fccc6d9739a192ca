"""`make bench`: every subject beside each other, on the same cores, in turns.

python -m benchmarks                          all of it: about an hour
python -m benchmarks --seconds 3 --rounds 1   a look
python -m benchmarks --only refresh --database sqlite
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # how tests start a PostgreSQL is how we do

from benchmarks.compare import Plan, compare  # noqa: E402 - it finds the tests' parts from here on
from benchmarks.machine import look_at_machine  # noqa: E402
from benchmarks.report import write_report  # noqa: E402
from benchmarks.subject import Measure  # noqa: E402

DATABASES = ("sqlite", "postgresql")


def main() -> None:
    plan = read_plan()
    if shutil.which("wrk") is None:
        sys.exit("The load comes from wrk, which is not installed: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="keywright-bench-") as home:
        machine = look_at_machine(Path(home))
        print(f"{machine.name}, {machine.cores} cores, {machine.fsyncs} fsyncs/s", flush=True)
        run = compare(plan, Path(home))
    folder = write_report(machine, plan, run, ROOT / "benchmarks" / "results")
    print((folder / "README.md").read_text())
    if run.flaws:
        sys.exit("Some answers were wrong:\n" + "\n".join(run.flaws))


def read_plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6, help="of each run")
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 32])
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--only", nargs="*", default=[], help="words of measures or subjects")
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--sessions", type=int, default=20_000)
    given = parser.parse_args()
    return Plan(
        rounds=given.rounds,
        seconds=given.seconds,
        connections=tuple(given.connections),
        databases=tuple(given.database or DATABASES),
        measures=tuple(m for m in Measure if is_wanted(m, given.only)),
        users=given.users,
        sessions=given.sessions,
    )


def is_wanted(measure: Measure, words: list[str]) -> bool:
    return not words or any(word in measure for word in words)


if __name__ == "__main__":
    main()
