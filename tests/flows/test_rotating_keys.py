"""An administrator rotates signing keys, and wraps what is stored under a new master secret."""

from __future__ import annotations

import asyncio

import pytest
from parts.house import ADA, SECRET_KEY, House, expect

from keywright.core.crypto import CannotOpen, MasterSecrets
from keywright.flows.administer_users import NewUser, create_user
from keywright.flows.administrators import Actor
from keywright.flows.rotate_keys import (
    RotatedMeanwhile,
    replace_leaked_keys,
    rewrap_messages,
    rewrap_signing_keys,
    rotate_signing_key,
)
from keywright.keys import service as keys

pytestmark = pytest.mark.anyio
NOBODY = Actor()
NEXT_SECRET = "the master secret that comes after it"


async def numbers(house: House) -> list[int]:
    published = await keys.list_published_keys(house.kw.db, house.clock.now())
    return [key.number for key in published]


async def test_a_rotated_key_joins_the_published_ones(house, visitor):
    await visitor.join()
    before = await numbers(house)
    key = await rotate_signing_key(house.kw, NOBODY)
    assert await numbers(house) == [key.number, *before]
    assert key.activates_at > house.clock.now()
    expect(await visitor.me(), 200)


async def test_leaked_keys_are_withdrawn_and_a_refresh_helps(house, visitor):
    await visitor.join()
    key = await replace_leaked_keys(house.kw, NOBODY)
    assert await numbers(house) == [key.number]
    await house.kw.keys.refresh()
    assert (await visitor.me()).status_code == 401
    expect(await visitor.refresh(), 200)
    expect(await visitor.me(), 200)


async def test_of_racing_rotations_one_succeeds_and_the_others_say_so(house):
    racing = (rotate_signing_key(house.kw, NOBODY) for _ in range(3))
    outcomes = await asyncio.gather(*racing, return_exceptions=True)
    assert all(isinstance(each, RotatedMeanwhile) or each.number >= 2 for each in outcomes)
    rotated = [each for each in outcomes if not isinstance(each, RotatedMeanwhile)]
    assert (await numbers(house))[0] == 1 + len(rotated)


async def test_everything_stored_moves_to_the_new_secret(house):
    await create_user(house.kw, NewUser(ADA), NOBODY)  # leaves a message in the outbox
    house.kw.secrets = MasterSecrets(NEXT_SECRET, [SECRET_KEY])
    assert [batch.rewrapped async for batch in rewrap_signing_keys(house.kw)] == [1]
    assert [batch.rewrapped async for batch in rewrap_messages(house.kw)] == [1]
    house.kw.secrets = MasterSecrets(NEXT_SECRET)
    assert [batch.rewrapped async for batch in rewrap_signing_keys(house.kw)] == [0]
    assert [batch.rewrapped async for batch in rewrap_messages(house.kw)] == [0]
    published = await keys.list_published_keys(house.kw.db, house.clock.now())
    assert all(keys.open_private_key(key, house.kw.secrets) for key in published)


async def test_moving_needs_the_old_secret(house):
    house.kw.secrets = MasterSecrets(NEXT_SECRET)
    with pytest.raises(CannotOpen, match="KEYWRIGHT_SECRET_KEYS_OLD"):
        await anext(rewrap_signing_keys(house.kw))
