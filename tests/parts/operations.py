"""The operations of the OpenAPI document, and what an answer to bad input must look like."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from keywright.app import create_app
from keywright.core.web.problem import PROBLEM_JSON
from parts.house import house_settings

MARKER = "Xq7hunterZw2"  # stands in everything that is sent, and never in an answer
SOME_ID = "01a1fde9-16d0-729a-91cc-cc6adea08915"
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}
VAGUE = {"internal_error", "bad_request"}  # no code that helps
# What is refused before anybody looks at the rest.
FIRST = {"not_authenticated", "insufficient_scope", "session_not_found", "user_not_found"}


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    bodies: dict[str, dict[str, Any]]  # media type: schema
    parameters: tuple[dict[str, Any], ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, **values: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], SOME_ID), self.path)

    def parameters_in(self, place: str) -> list[dict[str, Any]]:
        return [one for one in self.parameters if one["in"] == place]


def read_operations() -> list[Operation]:
    with tempfile.TemporaryDirectory() as folder:
        document = create_app(house_settings("sqlite://", Path(folder))).openapi()
    return [
        Operation(
            method.upper(),
            path,
            {
                kind: resolve(document, one["schema"])
                for kind, one in described.get("requestBody", {}).get("content", {}).items()
            },
            tuple(described.get("parameters", ())),
        )
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in schema:  # a body that may be left out
        schema = schema["anyOf"][0]
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
    return found


OPERATIONS = read_operations()
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


def complaint(
    answer: httpx.Response, codes: Collection[str] = (), *, field: str | None = None
) -> str | None:
    """What is wrong with this answer to bad input, which one of `codes` should explain."""
    if not 400 <= answer.status_code < 500:
        return f"answered {answer.status_code}: {answer.text[:200]}"
    if answer.headers["content-type"] != PROBLEM_JSON:
        return f"is {answer.headers['content-type']}: {answer.text[:200]}"
    wrong = [*malformed(answer), *unhelpful(answer.json(), codes, field)]
    return f"{' and '.join(wrong)}: {answer.text[:300]}" if wrong else None


def malformed(answer: httpx.Response) -> Iterator[str]:
    problem = answer.json()
    if not PROBLEM_MEMBERS <= set(problem) <= PROBLEM_MEMBERS | {"errors"}:
        yield "has other members"
    if problem["status"] != answer.status_code:
        yield f"was sent with {answer.status_code}"
    if MARKER.lower() in answer.text.lower():
        yield "repeats what was typed"


def unhelpful(problem: dict[str, Any], codes: Collection[str], field: str | None) -> Iterator[str]:
    if problem["code"] in VAGUE:
        yield "is vague"
    if problem["code"] in FIRST:
        return
    if codes and problem["code"] not in codes:
        yield f"does not say {' or '.join(codes)}"
    if field and field not in {one["field"].split(".")[0] for one in problem.get("errors", ())}:
        yield f"does not blame {field}"
