"""wrk, and what it found: requests per second, latencies, and whether the answers were right."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.machine import on_cores
from benchmarks.subject import Load, Request

SCRIPT = Path(__file__).with_name("load.lua")
MARK = "RESULT "


class Outcome(msgspec.Struct, frozen=True):
    """Times are in seconds. `example` is the first wrong answer."""

    seconds: float
    requests: int
    answers: int
    wrong_status: int
    wrong_body: int
    lost: int
    p50: float
    p90: float
    p99: float
    p999: float
    max: float
    example: str

    @property
    def rate(self) -> float:
        """Right answers per second."""
        return (self.answers - self.wrong_status - self.wrong_body) / self.seconds

    @property
    def flaw(self) -> str | None:
        wrong = self.wrong_status + self.wrong_body
        if wrong == self.lost == 0 and self.answers > 0:
            return None
        return f"{wrong} wrong of {self.answers}, {self.lost} lost: {self.example}"


@dataclass(frozen=True)
class Generator:
    """wrk on cores of its own."""

    cores: Sequence[int]

    def send(self, load: Load, url: str, *, connections: int, seconds: int) -> Outcome:
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as plan:
            plan.write(f"return {lua(of_plan(load))}")
            plan.flush()
            printed = subprocess.run(
                [
                    *on_cores(self.cores),
                    "wrk",
                    "-t1",
                    f"-c{connections}",
                    f"-d{seconds}s",
                    "--timeout=30s",
                    "--latency",
                    f"-s{SCRIPT}",
                    url,
                    "--",
                    plan.name,
                ],
                capture_output=True,
                text=True,
                check=False,
            )
        return read_outcome(printed)


def read_outcome(printed: subprocess.CompletedProcess[str]) -> Outcome:
    for line in printed.stdout.splitlines():
        if line.startswith(MARK):
            return msgspec.json.decode(line.removeprefix(MARK), type=Outcome)
    raise RuntimeError(f"wrk ended with {printed.returncode}:\n{printed.stdout}{printed.stderr}")


def of_plan(load: Load) -> dict[str, Any]:
    plan: dict[str, Any] = {
        "status": load.status,
        "expected": load.expected,
        "requests": list(load.requests),
    }
    if load.successor is not None:
        assert load.template is not None
        plan |= {"successor": load.successor, "template": load.template}
    return plan


def lua(value: Any) -> str:
    r"""A Lua expression. A request is a function's, which has room for its own 65,536 constants.

    Lua's strings are those of JSON but for `\uXXXX`, which printable ASCII has no need of.
    """
    if isinstance(value, Request):
        return f"(function() return {lua(asdict(value))} end)()"
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{lua(key)}] = {lua(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(map(lua, value)) + "}"
    if isinstance(value, str):
        assert value.isascii()
        assert value.isprintable(), value
    return json.dumps(value)
