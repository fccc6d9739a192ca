"""Schemathesis over the OpenAPI document, against a real server: what it generates, and what works.

`KEYWRIGHT_FUZZ_EXAMPLES=200 pytest tests/fuzz/test_schemathesis.py` looks longer.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from parts.api_seeds import PASSWORD, Seed, Seeds
from parts.house import house_settings
from parts.run_tables import tally
from parts.server import RunningServer, keywright_server, run_keywright
from schemathesis import Case
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    positive_data_acceptance,
    unsupported_method,
)

from keywright.app import create_app

ADMINISTRATOR = "grace@example.com"
TABLE = "schemathesis: answers of each operation"
EXAMPLES = int(os.environ.get("KEYWRIGHT_FUZZ_EXAMPLES", "10"))
CLASSES = {2: "2xx", 4: "4xx", 5: "5xx"}
# A well-formed token is not a valid one, nor a long password a strong one: 400 and 422 are right.
EXCLUDED = [positive_data_acceptance]
# Also a /users/{user_id} with an id that is none; test_bad_urls.py asks there what these would.
TWO_IN_ONE = "/api/v1/users/me"
OF_METHODS = [allow_header_conformance, unsupported_method]


def load_schema() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        settings = house_settings("sqlite://", Path(folder), base_url="http://127.0.0.1:8000")
        schema = schemathesis.openapi.from_dict(create_app(settings).openapi())
    schema.config.generation.update(max_examples=EXAMPLES, deterministic=True)
    return schema


schema = load_schema()
OPERATIONS = {one.ok().label: one.ok() for one in schema.get_all_operations()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("schemathesis")
    made = run_keywright(
        *("user", "create", "--email", ADMINISTRATOR, "--role", "admin", "--password-stdin"),
        directory=folder,
        stdin=f"{PASSWORD}\n",
    )
    assert made.returncode == 0, made.stderr
    settings = {"RATE_LIMITS": "off", "MAX_SESSIONS": "1000"}
    with keywright_server(folder, settings) as running:
        yield running
        assert "unexpected_error" not in running.read_log()


@pytest.fixture(scope="module")
def seeds(server: RunningServer) -> Iterator[Seeds]:
    seeds = Seeds(server.base_url, ADMINISTRATOR)
    yield seeds
    seeds.close()


one_caller_for_all = hypothesis.settings(
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)


class Caller:
    """Sends cases to the server, signed in or not, and counts the answers."""

    def __init__(self, server: RunningServer, seeds: Seeds) -> None:
        self.base_url = server.base_url
        self.counts: Counter[str] = Counter()
        self.seeds = seeds
        self.token: str | None = None

    def call(self, case: Case, token: str | None = None) -> int:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        excluded = EXCLUDED + (OF_METHODS if case.path == TWO_IN_ONE else [])
        response = case.call_and_validate(
            base_url=self.base_url, headers=headers, excluded_checks=excluded
        )
        self.counts[CLASSES[response.status_code // 100]] += 1
        return int(response.status_code)

    def call_signed_in(self, case: Case) -> None:
        self.token = self.token or self.seeds.administrator()
        if self.call(case, self.token) == 401:
            self.token = None  # what was tried before ended that session


@pytest.fixture
def caller(request: pytest.FixtureRequest, server: RunningServer, seeds: Seeds) -> Iterator[Caller]:
    caller = Caller(server, seeds)
    yield caller
    label = request.node.name.partition("[")[2].removesuffix("]")
    tally(request, TABLE, label, {kind: caller.counts[kind] for kind in CLASSES.values()})


def as_case(operation: Any, seed: Seed) -> Case:
    given = {"body": seed.body} if seed.body is not None else {}
    case: Case = operation.Case(
        path_parameters=seed.path, query=seed.query, media_type=seed.media_type, **given
    )
    return case


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_operation_succeeds_with_real_values(
    label: str, caller: Caller, seeds: Seeds
) -> None:
    operation = OPERATIONS[label]
    name = operation.definition.raw["operationId"]
    for seed in seeds.of(name):
        status = caller.call(as_case(operation, seed), seed.token)
        assert 200 <= status < 300, (seed, status)


@schema.parametrize()
@one_caller_for_all
def test_nothing_that_a_stranger_sends_breaks_an_operation(case: Case, caller: Caller) -> None:
    caller.call(case)


@schema.parametrize()
@one_caller_for_all
def test_nothing_that_an_administrator_sends_breaks_an_operation(
    case: Case, caller: Caller
) -> None:
    caller.call_signed_in(case)
