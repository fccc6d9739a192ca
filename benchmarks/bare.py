"""What is under every server: Argon2 itself, the disk, and the databases' bare transactions.

python -m benchmarks.bare
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import asyncpg  # type: ignore[import-untyped]  # asyncpg ships no types
import msgspec

from benchmarks.bare_argon2 import Build
from benchmarks.floor_store import connect_to_sqlite
from benchmarks.machine import fsyncs_per_second, on_cores
from benchmarks.peers.node_environment import NODE, NodeEnvironment
from benchmarks.peers.python_environment import CACHE, ROOT, run_uv
from benchmarks.subject import ARGON2_ITERATIONS, ARGON2_LANES, ARGON2_MEMORY_KIB, PASSWORD

FOLDER = Path(__file__).parent
PACKAGES = {  # each into a folder of its own
    Build.BUILT_HERE: "argon2-cffi-bindings==26.2.0",
    Build.PYNACL: "pynacl==1.6.2",
    Build.PASSUTH: "passuth==0.3.3",
}
NODE_PACKAGES = NodeEnvironment(FOLDER / "peers" / "better_auth")
FOR_THIS_PROCESSOR = "-O3 -march=native"
ROUNDS = 3
SECONDS = 2.0
ROWS = 1_000
TOGETHER = 32  # as many as the connections of a run
UPDATE = "UPDATE bare SET generation = generation + 1 WHERE id = {}"


class Hashing(msgspec.Struct, frozen=True):
    """`cpu_ms` is what one verification takes of a core, whoever else is at work."""

    per_second: float
    cpu_ms: float


@dataclass(frozen=True)
class Limit:
    what: str
    per_second: float
    cpu_ms: float | None = None


# Argon2


def builds_here() -> list[Build]:
    """Without a C compiler one of them is missing."""
    return [build for build in Build if build is not Build.BUILT_HERE or shutil.which("cc")]


def install(build: Build) -> None:
    if build is Build.NODE:
        NODE_PACKAGES.install()
    if build not in PACKAGES:
        return
    package, stamp = PACKAGES[build], folder_of(build) / "installed"
    if stamp.exists() and stamp.read_text() == package:
        return
    target = ["--python", sys.executable, "--target", str(folder_of(build)), "--no-deps"]
    if build is Build.BUILT_HERE:
        build_here(package, target)
    else:
        run_uv("pip", "install", *target, package)
    stamp.write_text(package)


def build_here(package: str, target: Sequence[str]) -> None:
    """Past uv's cache, which would give this build to others too."""
    before = os.environ.get("CFLAGS")
    os.environ["CFLAGS"] = FOR_THIS_PROCESSOR
    try:
        name = package.partition("==")[0]
        run_uv("pip", "install", "--no-cache", "--no-binary", name, *target, package)
    finally:
        os.environ.pop("CFLAGS")
        if before is not None:
            os.environ["CFLAGS"] = before


def folder_of(build: Build) -> Path:
    return CACHE / "argon2" / build.name.lower()


def argon2(build: Build, cores: Iterable[int], threads: int, seconds: float = SECONDS) -> Hashing:
    """Verifications at m=19 MiB, t=2, p=1 by as many threads of one process."""
    install(build)
    command = (
        in_node(threads, seconds) if build is Build.NODE else in_python(build, threads, seconds)
    )
    folders = os.pathsep.join([str(folder_of(build)), str(ROOT)])
    printed = subprocess.run(
        [*on_cores(cores), *command],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": folders},
        capture_output=True,
        check=True,
    ).stdout
    return msgspec.json.decode(printed, type=Hashing)


def in_python(build: Build, threads: int, seconds: float) -> list[str]:
    return [sys.executable, "-m", "benchmarks.bare_argon2", build, str(threads), str(seconds)]


def in_node(threads: int, seconds: float) -> list[str]:
    costs = (ARGON2_MEMORY_KIB, ARGON2_ITERATIONS, ARGON2_LANES)
    program = [str(NODE), str(FOLDER / "bare_argon2.mjs"), str(NODE_PACKAGES.home), PASSWORD]
    return [*program, *map(str, (*costs, threads, seconds))]


def compare_builds(cores: Sequence[int], threads: int) -> list[Limit]:
    """Each in turn, again and again, so that what else the machine does falls on all of them."""
    builds = builds_here()
    found: dict[Build, list[Hashing]] = {build: [] for build in builds}
    for _ in range(ROUNDS):
        for build in builds:
            found[build].append(argon2(build, cores, threads))
    return [
        Limit(
            f"Argon2, {threads} thread(s): {build}",
            statistics.median(one.per_second for one in found[build]),
            statistics.median(one.cpu_ms for one in found[build]),
        )
        for build in builds
    ]


# Disk and databases


def fsyncs(folder: Path) -> Limit:
    return Limit("fsync", fsyncs_per_second(folder))


def sqlite_transactions(folder: Path, together: int, seconds: float = SECONDS) -> Limit:
    """Durable updates by key, `together` of them in each commit."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as home,
        closing(connect_to_sqlite(f"{home}/bare.db")) as database,
    ):
        database.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, generation INTEGER)")
        database.executemany("INSERT INTO bare VALUES (?, 0)", ((row,) for row in range(ROWS)))
        began, count = perf_counter(), 0
        while perf_counter() - began < seconds:
            database.execute("BEGIN IMMEDIATE")
            for _ in range(together):
                database.execute(UPDATE.format("?"), (count % ROWS,))
                count += 1
            database.execute("COMMIT")
        return Limit(f"SQLite update, {together} a commit", count / (perf_counter() - began))


async def postgres_commits(url: str, connections: int, seconds: float = SECONDS) -> Limit:
    """Durable updates by key, each a commit of its own."""
    opened = [await asyncpg.connect(url) for _ in range(connections)]
    await opened[0].execute(
        "DROP TABLE IF EXISTS bare; CREATE TABLE bare (id int PRIMARY KEY, generation int);"
        f"INSERT INTO bare SELECT id, 0 FROM generate_series(0, {ROWS - 1}) AS id"
    )
    began, counts = perf_counter(), [0] * connections

    async def work(index: int) -> None:
        update = await opened[index].prepare(UPDATE.format("$1"))
        while perf_counter() - began < seconds:
            row = (counts[index] * connections + index) % ROWS  # no two wait for one row
            await update.fetchrow(row)
            counts[index] += 1

    await asyncio.gather(*map(work, range(connections)))
    elapsed = perf_counter() - began
    for connection in opened:
        await connection.close()
    return Limit(f"PostgreSQL commit, {connections} connection(s)", sum(counts) / elapsed)


def limits_of_postgres(cores: Sequence[int]) -> list[Limit]:
    from benchmarks.servers import durable_postgres

    with durable_postgres(cores) as server:
        url = server.url(server.create_database())
        return [asyncio.run(postgres_commits(url, many)) for many in (1, TOGETHER)]


def bare_limits() -> Iterator[Limit]:
    cores = sorted(os.sched_getaffinity(0))
    folder = Path(tempfile.gettempdir())
    yield from compare_builds(cores[:1], 1)
    if len(cores) > 1:
        yield from compare_builds(cores, len(cores))
    yield fsyncs(folder)
    yield from (sqlite_transactions(folder, many) for many in (1, TOGETHER))
    yield from limits_of_postgres(cores)


def main() -> None:
    print(f"{'':64}{'per second':>12}{'CPU ms':>8}")
    for limit in bare_limits():
        cpu = "" if limit.cpu_ms is None else f"{limit.cpu_ms:.1f}"
        print(f"{limit.what:64}{limit.per_second:12,.1f}{cpu:>8}")


if __name__ == "__main__":
    main()
