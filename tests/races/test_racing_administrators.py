"""Administrators at work at once, beside people who sign in: nobody waits in a circle."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from parts.house import ADA, CALLER, EVE, House

from keywright import UserUpdated
from keywright.accounts.users import service as users
from keywright.core.errors import KeywrightError
from keywright.core.roles import ADMIN
from keywright.flows.administer_roles import grant_role, revoke_role, set_roles
from keywright.flows.administer_users import (
    NewUser,
    create_user,
    disable_user,
    edit_user,
    enable_user,
    sign_user_out,
)
from keywright.flows.administrators import Actor
from keywright.flows.open_session import open_session_for_api
from keywright.sessions import service as sessions

pytestmark = pytest.mark.anyio
on_postgresql = pytest.mark.parametrize("house_url", ["postgresql"], indirect=True)
STANDING_STILL = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND (
        wait_event_type = 'Lock'
        OR state = 'idle in transaction' AND state_change < clock_timestamp() - interval '50 ms'
    )
"""
Start = Callable[[Coroutine[Any, Any, Any]], Awaitable[asyncio.Task[Any]]]


@pytest.fixture
async def start(house: House) -> AsyncIterator[Start]:
    """Starts work; comes back once all that is not done stands still: held open, or waiting."""
    eye = await asyncpg.connect(house.url)
    tasks: list[asyncio.Task[Any]] = []

    async def begin(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        tasks.append(asyncio.create_task(work))
        async with asyncio.timeout(10):
            while await eye.fetchval(STANDING_STILL) < sum(not task.done() for task in tasks):  # noqa: ASYNC110 - the server knows
                await asyncio.sleep(0.01)
        return tasks[-1]

    yield begin
    await eye.close()


@pytest.fixture
def gate(house: House) -> asyncio.Event:
    """The first change of an account is held open until the gate is."""
    gate, first = asyncio.Event(), iter([True])

    @house.kw.hooks.on(UserUpdated)
    async def wait(_event: UserUpdated, _tx: object) -> None:
        if next(first, False):
            await gate.wait()

    return gate


async def make(house: House, email: str, *roles: str) -> UUID:
    return (await create_user(house.kw, NewUser(email, roles=roles), Actor())).id


async def hold(house: House, user_id: UUID, until: asyncio.Event) -> None:
    """As its owner does who changes the password, or signs in."""
    async with house.kw.db.transaction() as tx:
        assert await sessions.lock_active_user(tx, user_id, None)
        await until.wait()


@on_postgresql
async def test_who_waited_while_an_administrator_was_made_waits_in_no_circle(house, gate, start):
    """Whoever waits here decides by what was true before, unless all begin with the same wait."""
    becoming = await make(house, EVE)
    house.clock.advance(seconds=1)  # so that the other administrator has a higher id
    ada, other = await make(house, ADA, ADMIN), await make(house, "x@example.com")
    signed_in = asyncio.Event()
    granted = await start(grant_role(house.kw, becoming, ADMIN, Actor()))
    held = await start(hold(house, ada, signed_in))
    again = await start(grant_role(house.kw, becoming, ADMIN, Actor()))
    gate.set()
    assert await granted
    edited = await start(edit_user(house.kw, other, {"name": "X"}, Actor()))
    signed_in.set()
    assert not await again
    await asyncio.gather(held, edited)


async def sign_in(house: House, user_id: UUID) -> None:
    user = await users.get(house.kw.db, user_id)
    await open_session_for_api(house.kw, user, CALLER, amr=("pwd",), scope=None)


async def test_whatever_administrators_do_to_each_other_at_once_nothing_breaks(houses):
    """Whoever signs in meanwhile included. A deadlock would be a 503."""
    dice = random.Random(7)
    people = [await make(houses[0], f"person{n}@example.com", ADMIN) for n in range(4)]
    people += [await make(houses[0], f"person{n}@example.com") for n in range(4, 6)]
    acts: list[Callable[[House, UUID, Actor], Awaitable[Any]]] = [
        lambda house, whom, actor: grant_role(house.kw, whom, ADMIN, actor),
        lambda house, whom, actor: revoke_role(house.kw, whom, ADMIN, actor),
        lambda house, whom, actor: set_roles(house.kw, whom, [ADMIN], actor),
        lambda house, whom, actor: edit_user(house.kw, whom, {"name": "X"}, actor),
        lambda house, whom, actor: disable_user(house.kw, whom, actor),
        lambda house, whom, actor: enable_user(house.kw, whom, actor),
        lambda house, whom, actor: sign_user_out(house.kw, whom, actor),
        lambda house, whom, _actor: sign_in(house, whom),
    ]
    calls = [
        dice.choice(acts)(
            houses[n % len(houses)], dice.choice(people), Actor(dice.choice([None, *people]))
        )
        for n in range(150)
    ]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    errors = [one for one in outcomes if isinstance(one, Exception)]
    assert [one for one in errors if not isinstance(one, KeywrightError) or one.status >= 500] == []
    assert await users.has_administrator(houses[0].kw.db)
