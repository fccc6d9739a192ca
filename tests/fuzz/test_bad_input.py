"""Whatever a body says, the answer is a problem that helps, repeats nothing and is never 5xx."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from parts.bad_input import (
    FORM,
    JSON,
    Attack,
    attacks_on_a_form,
    attacks_on_a_json_body,
    attacks_on_any_body,
    attacks_on_fields,
)
from parts.house import BY_PROGRAM, HOME, House
from parts.operations import MARKER, Operation, complaint, every_operation

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("house_url", ["sqlite"], indirect=True),  # no database is asked
]


@pytest.fixture(params=["administrator", "stranger"])
async def client(request: pytest.FixtureRequest, house: House) -> httpx.AsyncClient:
    client = await house.client(HOME, BY_PROGRAM)
    if request.param == "administrator":
        await house.under_test.sign_in(client, email="grace@example.com", roles=["admin"])
    return client


def attacks_on(operation: Operation) -> Iterator[Attack]:
    yield from attacks_on_any_body()
    if schema := operation.bodies.get(JSON):
        yield from attacks_on_a_json_body()
        yield from attacks_on_fields(schema)
    if FORM in operation.bodies:
        yield from attacks_on_a_form()


@every_operation
async def test_bad_bodies_get_a_problem_that_helps(
    client: httpx.AsyncClient, operation: Operation, caplog: pytest.LogCaptureFixture
) -> None:
    complaints, slow = [], []
    for one in attacks_on(operation):
        started = time.perf_counter()
        answer = await client.request(
            operation.method, operation.url(), content=one.content, headers=one.all_headers
        )
        if time.perf_counter() - started > 1:
            slow.append(one.name)
        if wrong := complaint(answer, one.codes, field=one.blamed):
            complaints.append(f"{one.name} {wrong}")
    assert not complaints, "\n".join(complaints)
    assert slow == []
    assert MARKER not in caplog.text
