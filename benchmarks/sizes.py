"""The same servers with few accounts and with very many: do they stay as fast?

python -m benchmarks --by-size                                     1,000,000 and 5,000,000 sessions
python -m benchmarks --by-size --users 20000 --sessions 100000     a look

A file that is full is kept in `.tools/bench/filled` and copied, as filling takes minutes; a week
later its sessions would have been idle for too long.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.floor import Floor
from benchmarks.ours import OurHost, OurServer
from benchmarks.peers.python_environment import CACHE, ROOT
from benchmarks.subject import Command, Load, Measure, Place, Subject


@dataclass(frozen=True)
class Size:
    accounts: int
    sessions: int

    def __str__(self) -> str:
        return f"{self.accounts:,} accounts, {self.sessions:,} sessions"


SMALL = Size(1_000, 1_000)
UNREMEMBERED = Size(20_000, 20_000)  # the fewest that keep who is asked for out of every cache
LARGE = Size(1_000_000, 5_000_000)
REMEMBERED = (Measure.WHO_AM_I, Measure.PROTECTED_ROUTE, Measure.REFRESH, Measure.SIGN_IN)
ASKED = (*REMEMBERED, Measure.WHO_AM_I_UNCACHED)
WITH = " with "


@dataclass(frozen=True)
class Sized:
    """A subject that holds this much, whatever the plan of the run says."""

    subject: Subject
    size: Size
    measures: tuple[Measure, ...]

    @property
    def name(self) -> str:
        return f"{self.subject.name}{WITH}{self.size}"

    @property
    def databases(self) -> tuple[str, ...]:
        return self.subject.databases

    def of_size(self, place: Place) -> Place:
        return replace(place, users=self.size.accounts, sessions=self.size.sessions)

    def install(self) -> None:
        self.subject.install()

    def seed(self, place: Place) -> None:
        place = self.of_size(place)
        if place.uses_sqlite:
            shutil.copytree(filled(self.subject, place), place.home, dirs_exist_ok=True)
        else:
            self.subject.seed(place)
        os.sync()  # nothing of it is left to write while others are measured

    def command(self, place: Place) -> Command:
        return self.subject.command(self.of_size(place))

    def is_ready(self, place: Place) -> bool:
        return self.subject.is_ready(self.of_size(place))

    def load(self, measure: Measure, place: Place) -> Load:
        return self.subject.load(measure, self.of_size(place))


def sized_subjects(large: Size) -> Iterator[Sized]:
    sizes = (
        (SMALL, REMEMBERED),
        (UNREMEMBERED, (Measure.WHO_AM_I_UNCACHED,)),
        (large, ASKED),
    )
    for subject in (OurServer(), OurHost(), Floor()):
        for size, asked in sizes:
            if measures := tuple(measure for measure in asked if measure in subject.measures):
                yield Sized(subject, size, measures)


def filled(subject: Subject, place: Place) -> Path:
    """A folder with what `subject` seeds; subjects that share how they seed share it."""
    kind = f"{subject.seed.__qualname__}-{place.users}-{place.sessions}"
    folder = CACHE / "filled" / kind
    stamp, wanted = folder / "filled", fingerprint()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        database = Path(place.database).name
        subject.seed(replace(place, home=folder, database=f"sqlite:///{folder / database}"))
        stamp.write_text(wanted)
    return folder


def fingerprint() -> str:
    """Of what decides how a row looks, and of the week."""
    benchmarks = ROOT / "benchmarks"
    sources = [
        *sorted((ROOT / "src" / "keywright" / "migrations" / "versions").glob("*.py")),
        *(benchmarks / name for name in ("ours_rows.py", "floor_rows.py", "floor_store.py")),
    ]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    return f"{datetime.now(UTC):%G-%V} {digest}"
