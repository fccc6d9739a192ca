from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """`says` is what was found; `advice`, for all that is not ok, what to do about it."""

    part: str
    verdict: Verdict
    says: str
    advice: str | None = None


def ok(part: str, says: str) -> Finding:
    return Finding(part, Verdict.OK, says)


def warning(part: str, says: str, advice: str) -> Finding:
    return Finding(part, Verdict.WARNING, says, advice)


def problem(part: str, says: str, advice: str) -> Finding:
    return Finding(part, Verdict.PROBLEM, says, advice)
