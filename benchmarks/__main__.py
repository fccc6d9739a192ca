"""`make bench`: every subject beside each other, on the same cores, in turns.

python -m benchmarks                          all of it: more than an hour
python -m benchmarks --seconds 3 --rounds 1   a look
python -m benchmarks --only refresh --database sqlite
python -m benchmarks --by-size                few accounts and a million: sizes.py
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # how tests start a PostgreSQL is how we do

from benchmarks.bare import bare_limits  # noqa: E402 - it finds the tests' parts from here on
from benchmarks.compare import Plan, Run, compare, subjects  # noqa: E402
from benchmarks.machine import look_at_machine, share_cores  # noqa: E402
from benchmarks.report import write_report  # noqa: E402
from benchmarks.sizes import ASKED, LARGE, Size, sized_subjects  # noqa: E402
from benchmarks.start_up import byte_compile, import_seconds  # noqa: E402
from benchmarks.subject import Measure  # noqa: E402

DATABASES = ("sqlite", "postgresql")
FULL = Size(20_000, 20_000)


def main() -> None:
    given = read_arguments()
    plan = plan_of(given)
    if shutil.which("wrk") is None:
        sys.exit("The load comes from wrk, which is not installed: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="keywright-bench-") as home:
        machine = look_at_machine(Path(home))
        print(f"{machine.name}, {machine.cores} cores, {machine.fsyncs} fsyncs/s", flush=True)
        run = measure(given, plan, Path(home))
    what = " ".join([*(["by size"] if given.by_size else []), *given.only])
    folder = write_report(machine, plan, run, what, ROOT / "benchmarks" / "results")
    print((folder / "README.md").read_text())
    if run.flaws:
        sys.exit("Some answers were wrong:\n" + "\n".join(run.flaws))


def measure(given: argparse.Namespace, plan: Plan, home: Path) -> Run:
    """The bare limits are part of a full run only, as they take minutes."""
    byte_compile()
    if given.by_size:
        return compare(plan, home, tuple(sized_subjects(Size(plan.users, plan.sessions))))
    import_time = import_seconds(share_cores().server)
    limits = [] if given.only else list(bare_limits())
    run = compare(plan, home, subjects())
    run.import_seconds, run.limits = import_time, limits
    return run


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6, help="of each run")
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 32])
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--only", nargs="*", default=[], help="words of measures")
    parser.add_argument("--by-size", action="store_true", help="few accounts beside very many")
    parser.add_argument("--users", type=int)
    parser.add_argument("--sessions", type=int)
    return parser.parse_args()


def plan_of(given: argparse.Namespace) -> Plan:
    size, measures = (LARGE, ASKED) if given.by_size else (FULL, tuple(Measure))
    return Plan(
        rounds=given.rounds,
        seconds=given.seconds,
        connections=tuple(given.connections),
        databases=tuple(given.database or DATABASES),
        measures=tuple(one for one in measures if is_wanted(one, given.only)),
        users=given.users or size.accounts,
        sessions=given.sessions or size.sessions,
    )


def is_wanted(measure: Measure, words: list[str]) -> bool:
    return not words or any(word in measure for word in words)


if __name__ == "__main__":
    main()
