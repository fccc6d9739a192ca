"""`GET P/auth/sessions`: a list as every other (api.md, "Conventions")."""

from __future__ import annotations

import pytest
from parts.house import expect, problem

pytestmark = pytest.mark.anyio
PATH = "/auth/sessions"


async def test_pages_of_devices_follow_each_other_and_miss_none(house):
    """Four were used at the same moment: their ids put them in order."""
    desk = await house.browser()
    await desk.join()
    for _ in range(3):
        await (await house.native()).sign_in()
    house.clock.advance(minutes=1)
    await (await house.native()).sign_in()
    whole = [one["id"] for one in expect(await desk.call("GET", PATH), 200).json()["items"]]
    found, query = [], {"limit": 2}
    while True:
        page = expect(await desk.call("GET", PATH, params=query), 200).json()
        assert set(page) == {"items", "next_cursor"}
        assert len(page["items"]) <= 2
        found += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query = {"limit": 2, "cursor": page["next_cursor"]}
    assert (found, len(found)) == (whole, 5)


async def test_the_number_of_devices_is_told_where_it_is_asked_for(house, visitor):
    await visitor.join()
    await (await house.native()).sign_in()
    query = {"limit": 1, "total": "true"}
    page = expect(await visitor.call("GET", PATH, params=query), 200).json()
    assert (len(page["items"]), page["total"]) == (1, 2)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 201},
        {"limit": "many"},
        {"total": "perhaps"},
        {"cursor": "x"},
        {"cursor": f"{'9' * 18}.{'0' * 32}"},
        {"cursor": f"1.{'0' * 31}"},
    ],
)
async def test_a_page_that_cannot_be_is_refused(house, query):
    desk = await house.browser()
    await desk.join()
    answer = await desk.call("GET", PATH, params=query)
    problem(answer, 422, "invalid_input")
    assert [one["field"] for one in answer.json()["errors"]] == [*query]
