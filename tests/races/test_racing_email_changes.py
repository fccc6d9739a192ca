"""Addresses that change hands at the same moment: nobody gets one that is another's, or kept."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest
from parts.email_changes import (
    NEW,
    ask,
    confirm,
    undo,
)
from parts.house import ADA, EVE, OTHER_PASSWORD, House, Native, expect

from keywright.accounts.users import service as users
from keywright.accounts.users.errors import EmailTaken
from keywright.accounts.users.reservations import service as reservations
from keywright.accounts.users.table import reserved_addresses
from keywright.accounts.users.table import users as user_table
from keywright.flows.administer_users import NewUser, create_user
from keywright.flows.administrators import Actor

pytestmark = pytest.mark.anyio
MANY = 10
ROUNDS = 8


@pytest.fixture
async def crowd(houses: list[House]) -> list[Native]:
    return [await houses[n % len(houses)].native(f"198.51.100.{n}") for n in range(MANY)]


async def at_once(calls: list) -> Counter[int]:
    answers: list[httpx.Response] = await asyncio.gather(*calls)
    return Counter(answer.status_code for answer in answers)


async def requested(houses: list[House], visitor: Native, new_email: str) -> str:
    """The token that whichever house's courier was first mailed."""
    known = set(await tokens_in(houses, new_email, "confirm"))
    expect(await ask(visitor, new_email), 202)
    (token,) = set(await tokens_in(houses, new_email, "confirm")) - known
    return token


async def tokens_in(houses: list[House], email: str, which: str) -> list[str]:
    """What was mailed to the address, whichever courier did it."""
    await asyncio.gather(*(house.outbox.mails() for house in houses))
    mails = [mail for house in houses for mail in await house.outbox.mails(email)]
    return [mail.token for mail in mails if f"/{which}-email-change?" in mail.text]


async def test_of_racing_uses_of_a_confirmation_one_wins(houses, crowd):
    await crowd[0].join()
    token = await requested(houses, crowd[0], NEW)
    assert await at_once([confirm(one, token) for one in crowd]) == {200: 1, 400: MANY - 1}
    assert await houses[0].count(reserved_addresses) == 1


async def test_of_racing_undoings_one_wins(houses, crowd):
    await crowd[0].join()
    token = await requested(houses, crowd[0], NEW)
    expect(await confirm(crowd[0], token), 200)
    (token,) = await tokens_in(houses, ADA, "undo")
    assert await at_once([undo(one, token) for one in crowd]) == {200: 1, 400: MANY - 1}
    assert await houses[0].count(reserved_addresses) == 0


async def test_of_accounts_that_want_one_address_at_once_one_gets_it(houses, crowd):
    tokens = []
    for n, one in enumerate(crowd[:3]):
        await one.join(f"person{n}@example.com")
        tokens.append(await requested(houses, one, NEW))
    calls = [confirm(one, token) for one, token in zip(crowd, tokens, strict=False)]
    assert await at_once(calls) == {200: 1, 409: 2}
    assert await users.find_by_email(houses[0].kw.db, NEW) is not None


async def test_an_address_that_is_left_goes_to_nobody_who_waits_for_it(houses, crowd):
    """The administrator's write waits for the row to let the address go; then it is kept."""
    await crowd[0].join()
    kw = houses[-1].kw
    for n in range(ROUNDS):
        email = expect(await crowd[0].me(), 200).json()["email"]
        token = await requested(houses, crowd[0], f"ada{n}@example.org")
        takers = [create_unless_taken(kw, email) for _ in range(4)]
        answer, *taken = await asyncio.gather(confirm(crowd[0], token), *takers)
        expect(answer, 200)
        assert taken == [False] * 4
    assert await houses[0].count(user_table) == 1


async def create_unless_taken(kw, email: str) -> bool:
    try:
        await create_user(kw, NewUser(email), Actor())
    except EmailTaken:
        return False
    return True


async def test_whoever_is_let_wait_by_the_row_sees_that_the_address_is_kept(houses, crowd):
    """Two transactions, one step after the other: the first leaves the address, the second waits
    for it. SQLite has one writer, which is the same.
    """
    await crowd[0].join()
    kw, other = houses[0].kw, houses[-1].kw
    owner = await users.find_by_email(kw.db, ADA)
    now = kw.clock.now()
    async with kw.db.transaction() as tx:
        await users.set_email(tx, owner.id, NEW, now)
        taking = asyncio.ensure_future(take(other, ADA)) if len(houses) > 1 else None
        if taking is not None:
            await asyncio.wait([taking], timeout=0.3)
            assert not taking.done()
        await reservations.reserve(tx, owner.id, ADA, now.replace(year=now.year + 1))
    with pytest.raises(EmailTaken):
        await (taking or take(other, ADA))


async def take(kw, email: str) -> None:
    async with kw.db.transaction() as tx:
        await users.create(tx, email=email, password_hash=None, now=kw.clock.now(), verified=True)


async def test_an_undoing_beside_a_thiefs_next_change_leaves_the_owner_the_account(houses, crowd):
    for n in range(ROUNDS):
        owner, thief = f"owner{n}@example.com", f"thief{n}@example.com"
        one = crowd[n % MANY]
        await one.join(owner)
        token = await requested(houses, one, thief)
        expect(await confirm(one, token), 200)
        (way_back,) = await tokens_in(houses, owner, "undo")
        onward = await requested(houses, one, f"further{n}@example.com")
        for house in houses:
            house.clock.advance(seconds=1)
        answers = await asyncio.gather(
            undo(crowd[0], way_back), confirm(one, onward), one.change_password()
        )
        assert answers[0].status_code == 200
        assert max(answer.status_code for answer in answers) < 500
        user = await users.find_by_email(houses[0].kw.db, owner)
        assert user is not None
        assert user.password_hash is None
        for gone in (thief, f"further{n}@example.com"):
            assert not await users.email_is_taken(houses[0].kw.db, gone, houses[0].kw.clock.now())


async def test_two_who_want_each_others_address_both_keep_theirs(houses, crowd):
    """No deadlock, which would be a 503."""
    ada, eve = crowd[0], crowd[1]
    await ada.join(ADA)
    await eve.join(EVE, OTHER_PASSWORD)
    now = houses[0].kw.clock.now()
    ids = [(await users.find_by_email(houses[0].kw.db, one)).id for one in (ADA, EVE)]
    for _ in range(ROUNDS):
        outcomes = await asyncio.gather(
            give(houses[0].kw, ids[0], EVE, now),
            give(houses[-1].kw, ids[1], ADA, now),
            return_exceptions=True,
        )
        assert {type(one) for one in outcomes} == {EmailTaken}


async def give(kw, user_id, email, now) -> None:
    async with kw.db.transaction() as tx:
        await users.hold(tx, user_id)
        await users.set_email(tx, user_id, email, now)
