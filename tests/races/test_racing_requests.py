"""Many at once: on SQLite in one process, on PostgreSQL in two that share nothing but it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from parts.house import (
    ADA,
    OTHER_PASSWORD,
    PASSWORD,
    House,
    Native,
    expect,
    problem,
)

from keywright.accounts.passwords.argon2id import Argon2id
from keywright.accounts.passwords.hasher import hash_normalized, judge
from keywright.accounts.registrations.table import registrations
from keywright.accounts.users import service as users
from keywright.accounts.users.table import users as user_table
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.flows.administer_users import disable_user
from keywright.flows.administrators import Actor
from keywright.sessions.table import sessions

pytestmark = pytest.mark.anyio
MANY = 20


class HasherWithoutQueue:
    """Really hashes, but nobody waits: every request reaches the database."""

    argon2id = Argon2id(8, 1)

    async def hash(self, password: str, **_who: Any) -> str:
        return hash_normalized(self.argon2id, password)

    async def verify(self, stored: str | None, password: str, **_who: Any) -> bool:
        return judge(self.argon2id, stored, password)

    def needs_rehash(self, stored: str) -> bool:
        return False


@pytest.fixture
def houses(houses: list[House]) -> list[House]:
    for house in houses:
        house.kw.passwords = HasherWithoutQueue()
    return houses


@pytest.fixture
async def crowd(houses: list[House]) -> list[Native]:
    """Programs that know nothing of each other, spread over the houses."""
    return [await houses[n % len(houses)].native(f"198.51.100.{n}") for n in range(MANY)]


async def at_once(calls: list[Awaitable[httpx.Response]]) -> Counter[int]:
    return Counter(answer.status_code for answer in await asyncio.gather(*calls))


async def test_fifty_refreshes_with_one_token_end_in_one_family_with_one_successor(houses, crowd):
    await crowd[0].join()
    presented = crowd[0].refresh_token
    body = {"json": {"refresh_token": presented}}
    calls = [crowd[n % MANY].post("/auth/refresh", **body) for n in range(50)]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {200}
    successors = {answer.json()["refresh_token"] for answer in answers}
    assert len(successors) == 1
    assert successors != {presented}
    assert await houses[0].count(sessions) == 1
    crowd[1].access_token = answers[7].json()["access_token"]
    expect(await crowd[1].me(), 200)
    crowd[1].refresh_token = successors.pop()
    expect(await crowd[1].refresh(), 200)


@pytest.mark.parametrize("back", [2, 3])
async def test_a_token_of_generations_ago_ends_the_family_whoever_races(houses, crowd, back):
    ada = await crowd[0].join()
    old = ada.refresh_token
    for _ in range(back):
        expect(await ada.refresh(), 200)
    stale = {"json": {"refresh_token": old}}
    answers = await at_once([one.post("/auth/refresh", **stale) for one in crowd])
    assert answers == {401: MANY}
    problem(await ada.refresh(), 401, "session_ended")
    assert await houses[0].count(sessions) == 0
    page = await audit.list_for_user(houses[0].kw.db, await id_of(houses[0], ADA))
    assert AuditEvent.REFRESH_TOKEN_REUSED in {item.event for item in page.items}


async def test_of_racing_uses_of_a_reset_link_one_wins(houses, crowd):
    await crowd[0].join()
    await crowd[0].forgot()
    token = (await houses[0].outbox.last(ADA)).token
    passwords = [f"{n} purple walnuts in a row" for n in range(MANY)]
    answers = await asyncio.gather(
        *(one.reset(token, new) for one, new in zip(crowd, passwords, strict=True))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: MANY - 1}
    winner = passwords[[answer.status_code for answer in answers].index(200)]
    expect(await crowd[0].login(password=winner), 200)


async def test_of_racing_reset_links_of_one_person_one_wins(houses, crowd):
    await crowd[0].join()
    for _ in range(3):
        await crowd[0].forgot()
    resets = [one for one in await houses[0].outbox.mails(ADA) if "Reset" in one.subject]
    tokens = [mail.token for mail in resets[-2:]]
    calls = [one.reset(tokens[n % 2]) for n, one in enumerate(crowd)]
    assert await at_once(calls) == {200: 1, 400: MANY - 1}
    expect(await crowd[0].login(password=OTHER_PASSWORD), 200)


async def test_of_racing_uses_of_a_verification_link_one_wins(houses, crowd):
    await crowd[0].register()
    token = (await houses[0].outbox.last(ADA)).token
    secret = crowd[0].registration_token
    calls = [one.verify(token, registration_token=secret) for one in crowd]
    assert await at_once(calls) == {200: 1, 400: MANY - 1}
    assert await houses[0].count(user_table) == 1


async def test_racing_sign_ups_of_one_address_end_in_one_account(houses, crowd):
    """Every sign-up is its own pending row; of the links that were mailed one makes the account."""
    answers = await at_once([one.register(password=own(n)) for n, one in enumerate(crowd)])
    assert answers == {202: MANY}
    assert await houses[0].count(registrations) == MANY
    await asyncio.gather(*(house.outbox.mails() for house in houses))
    tokens = [mail.token for house in houses for mail in await house.outbox.mails()]
    assert len(tokens) == 3  # no more mails to one address in 15 minutes
    calls = [one.verify(tokens[n % 3], new_password=own(n)) for n, one in enumerate(crowd)]
    answered = await asyncio.gather(*calls)
    assert Counter(answer.status_code for answer in answered) == {200: 1, 400: MANY - 1}
    winner = [answer.status_code for answer in answered].index(200)
    assert await houses[0].count(user_table) == 1
    assert await houses[0].count(registrations) == 0
    expect(await crowd[0].login(password=own(winner)), 200)


@pytest.mark.settings(require_verification=False)
async def test_racing_sign_ups_without_verification_end_in_one_account(houses, crowd):
    answers = await at_once([one.register(password=own(n)) for n, one in enumerate(crowd)])
    assert answers == {201: 1, 409: MANY - 1}
    assert await houses[0].count(user_table) == 1
    assert await houses[0].count(sessions) == 1


@pytest.mark.settings(require_verification=False)
async def test_of_racing_sign_ups_with_one_username_one_gets_it(houses, crowd):
    calls = [one.register(address(n), username="the.one") for n, one in enumerate(crowd)]
    assert await at_once(calls) == {201: 1, 409: MANY - 1}
    assert await houses[0].count(user_table) == 1


async def test_of_racing_verifications_with_one_username_one_gets_it_and_all_get_in(houses, crowd):
    for n, one in enumerate(crowd):
        expect(await one.register(address(n), username="the.one"), 202)
    tokens = [await token_for(houses, address(n)) for n in range(MANY)]
    answers = await asyncio.gather(
        *(one.verify(token) for one, token in zip(crowd, tokens, strict=True))
    )
    names = Counter(expect(answer, 200).json()["user"]["username"] for answer in answers)
    assert names == {"the.one": 1, None: MANY - 1}


@pytest.mark.settings(require_verification=False)
async def test_of_racing_changes_to_one_username_one_wins(houses, crowd):
    for n, one in enumerate(crowd):
        expect(await one.register(address(n)), 201)
    calls = [one.call("PATCH", "/users/me", json={"username": "the.one"}) for one in crowd]
    assert await at_once(calls) == {200: 1, 409: MANY - 1}


async def test_racing_changes_of_different_details_are_all_kept(houses, crowd):
    await crowd[0].join()
    for one in crowd[1:4]:
        expect(await one.login(), 200)
    for n in range(10):
        changes = [
            {"name": f"Ada {n}"},
            {"locale": "de" if n % 2 else "en"},
            {"username": f"ada{n}"},
        ]
        calls = [
            one.call("PATCH", "/users/me", json=change)
            for one, change in zip(crowd[1:4], changes, strict=True)
        ]
        assert await at_once(calls) == {200: 3}
        kept = expect(await crowd[0].me(), 200).json()
        assert {**kept, **changes[0], **changes[1], **changes[2]} == kept


@pytest.mark.settings(max_sessions=5)
async def test_racing_sign_ins_never_exceed_the_number_of_sessions(houses, crowd):
    """Ten at a time: an attempt counts as wrong until it was judged."""
    await crowd[0].join()
    expect(await crowd[0].logout(), 204)
    for ten in (crowd[:10], crowd[10:]):
        assert await at_once([one.login() for one in ten]) == {200: 10}
    assert await houses[0].count(sessions) == 5
    alive = await at_once([one.refresh() for one in crowd])
    assert alive == {200: 5, 401: MANY - 5}


async def test_no_session_survives_being_disabled_amid_sign_ins(houses, crowd):
    await crowd[0].join()
    kw = houses[0].kw
    user_id = await id_of(houses[0], ADA)
    disabling = disable_user(kw, user_id, Actor())
    signing_in = at_once([one.login() for one in crowd[:10]])
    answers, disabled = await asyncio.gather(signing_in, disabling)
    assert disabled
    assert set(answers) <= {200, 401}
    assert await houses[0].count(sessions) == 0
    assert await at_once([one.refresh() for one in crowd[:10]]) == {401: 10}


@pytest.mark.settings(max_sessions=50)
async def test_whatever_happens_to_one_account_at_once_nothing_breaks(houses, crowd):
    """Every order of locks that two transactions could take. A deadlock would be a 503."""
    dice = random.Random(7)
    await crowd[0].join()
    for one in crowd[1:]:
        await one.sign_in()
    (listed,) = [await crowd[0].call("GET", "/auth/sessions")]
    ids = [item["id"] for item in listed.json()["items"]]
    for _ in range(3):
        await crowd[0].forgot()
    mails = await houses[0].outbox.mails(ADA)
    tokens = [mail.token for mail in mails if "/reset-password" in mail.text][-2:]
    acts: list[Callable[[Native], Awaitable[httpx.Response]]] = [
        lambda one: one.change_password(new=own(dice.randrange(9))),
        lambda one: one.reauthenticate(),
        lambda one: one.refresh(),
        lambda one: one.login(),
        lambda one: one.logout(),
        lambda one: one.reset(dice.choice(tokens)),
        lambda one: one.call("DELETE", "/auth/sessions"),
        lambda one: one.call("DELETE", f"/auth/sessions/{dice.choice(ids)}"),
        lambda one: one.call("PATCH", "/users/me", json={"name": "Ada"}),
        lambda one: one.forgot(),
    ]
    calls = [dice.choice(acts)(dice.choice(crowd)) for _ in range(200)]
    answers = await at_once(calls)
    assert max(answers) < 500, answers


async def id_of(house: House, email: str):
    user = await users.find_by_email(house.kw.db, email)
    assert user is not None
    return user.id


async def token_for(houses: list[House], email: str) -> str:
    mails = [mail for house in houses for mail in await house.outbox.mails(email)]
    return mails[-1].token


def own(n: int) -> str:
    return f"{PASSWORD} number {n}"


def address(n: int) -> str:
    return f"person{n}@example.com"
