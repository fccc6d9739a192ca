"""security.md, "Passwords", and what "Abuse" says about failed ones."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from argon2 import Parameters, Type, extract_parameters
from parts.hashing import Desk, quick_settings
from parts.pwned_passwords import pwned_passwords
from parts.tables import create_tables, opened, sqlite_url

from keywright.accounts.passwords import throttle
from keywright.accounts.passwords.breaches import BreachedPasswords
from keywright.accounts.passwords.errors import (
    BreachedPassword,
    Overloaded,
    PasswordTooLong,
    PasswordTooShort,
    UnusablePassword,
    WeakPassword,
)
from keywright.accounts.passwords.foreign import UnusableHash, verify_foreign
from keywright.accounts.passwords.guessing import assessable_part, rate
from keywright.accounts.passwords.hasher import Hasher
from keywright.accounts.passwords.queue import LONGEST_WAIT, FairQueue
from keywright.accounts.passwords.strength import assess, check_new_password, one_at_a_time
from keywright.accounts.passwords.table import password_attempts
from keywright.core.errors import TooManyRequests
from keywright.core.settings import Settings

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WHO = {"network": "198.51.100.1", "account": "ada@example.com"}
RIGHT = "correct horse battery"
DJANGO = "pbkdf2_sha256$1000$seasalt$XoBwo69t6fez+lOFEmhDUuENcVfGy0fqeIHts+GP++Q="


@pytest.fixture
async def hasher():
    hasher = Hasher(quick_settings())
    yield hasher
    await hasher.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request, tmp_path):
    postgres = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if postgres else sqlite_url(tmp_path)
    await create_tables(url, [password_attempts])
    async with opened(url) as database:
        yield database


# Hashing


async def test_passwords_are_hashed_with_argon2id_of_19_mib_and_two_passes():
    hasher = Hasher(Settings(_env_file=None))
    stored = await hasher.hash(RIGHT, **WHO)
    assert extract_parameters(stored) == Parameters(Type.ID, 19, 16, 32, 2, 19 * 1024, 1)
    await hasher.close()


async def test_one_password_typed_on_two_keyboards_is_one_password(hasher):
    stored = await hasher.hash("e\u0301tude ﬁve ＡＢＣ", **WHO)
    assert await hasher.verify(stored, "étude five ABC", **WHO)


async def test_an_unknown_account_costs_a_real_hash():
    hasher = Hasher(Settings(_env_file=None))
    stored = await hasher.hash(RIGHT, **WHO)

    async def cost(known: str | None) -> float:
        began = time.process_time()
        assert not await hasher.verify(known, "wrong", **WHO)
        return time.process_time() - began

    pairs = [(await cost(None), await cost(stored)) for _ in range(5)]
    unknown, known = (median(column) for column in zip(*pairs, strict=True))
    assert 0.5 < unknown / known < 2
    await hasher.close()


async def test_a_hash_that_cannot_be_used_costs_a_real_hash():
    hasher = Hasher(Settings(_env_file=None))
    began = time.process_time()
    assert not await hasher.verify("no such format", RIGHT, **WHO)
    damaged = time.process_time() - began
    began = time.process_time()
    await hasher.hash(RIGHT, **WHO)
    assert damaged > (time.process_time() - began) / 2
    await hasher.close()


async def test_foreign_hashes_verify_and_are_due_for_a_rehash(hasher):
    assert await hasher.verify(DJANGO, "correct horse café", **WHO)
    assert not await hasher.verify(DJANGO, "correct horse cafe", **WHO)
    assert hasher.needs_rehash(DJANGO)
    assert not hasher.needs_rehash(await hasher.hash(RIGHT, **WHO))


@pytest.mark.parametrize(
    "stored",
    [
        "pbkdf2_sha256$5000001$seasalt$XoBwo69t6fez+lOFEmhDUuENcVfGy0fqeIHts+GP++Q=",
        "scrypt:8388608:8:1$salt$00",
        "firebase-scrypt$8$40$AAAA$AAAA$AAAA$AAAA",
        "argon2$argon2id$v=19$m=4294967,t=2,p=1$c2Vhc2FsdHNlYXNhbHQ$oPhVvPfEH/smX0E4",
        "$argon2i$v=19$m=1024,t=1,p=100$c2Vhc2FsdHNlYXNhbHQ$oPhVvPfEH/smX0E4",
    ],
)
def test_an_import_file_does_not_decide_how_long_a_sign_in_takes(stored):
    with pytest.raises(UnusableHash, match="at most"):
        verify_foreign(stored, "password")


# The queue


async def test_the_slots_are_the_usable_cores_shared_among_workers(monkeypatch):
    monkeypatch.setattr("keywright.accounts.passwords.slots.usable_cores", lambda: 4)
    hasher = Hasher(quick_settings(), workers=2)
    desk = Desk(hasher._queue)
    for name in "abc":
        await desk.ask(name)
    assert desk.started == ["a", "b"]
    await desk.finish_all()
    await hasher.close()


async def test_one_request_waits_for_each_account():
    desk = Desk(FairQueue(1))
    await desk.ask("running", account="ada", network="x")
    await desk.ask("waiting", account="ada", network="y")
    with pytest.raises(TooManyRequests) as caught:
        await (await desk.ask("refused", account="ada", network="z"))
    assert caught.value.headers["Retry-After"] == "1"
    await desk.ask("other", account="grace", network="y")
    await desk.finish_all()
    assert desk.started == ["running", "waiting", "other"]


async def test_four_requests_wait_for_each_network():
    desk = Desk(FairQueue(1))
    await desk.ask("running", network="x")
    for number in range(4):
        await desk.ask(f"waiting{number}", network="x")
    with pytest.raises(TooManyRequests):
        await (await desk.ask("refused", network="x"))
    await desk.ask("other", network="y")
    await desk.finish_all()
    assert len(desk.started) == 6


async def test_client_networks_take_turns():
    desk = Desk(FairQueue(1))
    await desk.ask("running")
    for number in range(4):
        await desk.ask(f"greedy{number}", network="greedy")
    await desk.ask("modest", network="modest")
    await desk.finish_all()
    assert desk.started[1:4] == ["greedy0", "modest", "greedy1"]


async def test_a_wait_over_two_seconds_answers_503_with_retry_after():
    assert LONGEST_WAIT == 2
    desk = Desk(FairQueue(1, longest_wait=0.06))
    await desk.ask("running")
    async with asyncio.timeout(1):
        with pytest.raises(Overloaded) as caught:
            await (await desk.ask("waiting"))
    assert (caught.value.status, caught.value.code) == (503, "overloaded")
    assert int(caught.value.headers["Retry-After"]) >= 1
    await desk.finish_all()
    assert desk.started == ["running"]


async def test_a_wait_that_would_be_over_two_seconds_is_refused_within_50_ms():
    times = iter([0.0, 40.0])
    desk = Desk(FairQueue(1, now=lambda: next(times, 40.0)))
    await desk.ask("slow")
    await desk.finish("slow")
    await desk.ask("running")
    began = time.perf_counter()
    with pytest.raises(Overloaded):
        async with asyncio.timeout(1):
            await (await desk.ask("refused"))
    assert time.perf_counter() - began < 0.05
    await desk.finish_all()


async def test_a_tenth_of_the_slots_is_kept_for_known_devices():
    desk = Desk(FairQueue(10))
    for number in range(12):
        await desk.ask(f"stranger{number}", network=str(number))
    assert len(desk.started) == 9
    await desk.ask("known", known_device=True)
    assert desk.started[-1] == "known"
    await desk.finish_all()


async def test_known_devices_go_first_where_there_are_few_slots():
    desk = Desk(FairQueue(1))
    await desk.ask("running")
    for number in range(4):
        await desk.ask(f"stranger{number}")
    await desk.ask("known", known_device=True)
    await desk.finish_all()
    assert desk.started[1] == "known"


async def test_strangers_cannot_take_the_places_of_known_devices():
    desk = Desk(FairQueue(1))
    await desk.ask("running")
    await desk.ask("stranger", account="ada")
    for number in range(3):
        await desk.ask(f"stranger{number}")
    known = await desk.ask("known", account="ada", known_device=True)
    await desk.finish_all()
    assert await known == "known"


async def test_overload_does_not_depend_on_whether_the_account_exists():
    hasher = Hasher(Settings(_env_file=None))
    stored = await hasher.hash(RIGHT, **WHO)
    hasher._queue = FairQueue(1, longest_wait=0.001)
    running = asyncio.create_task(hasher.hash(RIGHT, network="x", account="x"))
    await asyncio.sleep(0)
    answers = []
    for known in (None, stored):
        with pytest.raises(Overloaded) as caught:
            await hasher.verify(known, RIGHT, **WHO)
        answers.append((caught.value.status, caught.value.detail, caught.value.headers))
    assert answers[0] == answers[1]
    await running
    await hasher.close()


# New passwords


async def check(password: str, **more) -> None:
    await check_new_password(password, settings=quick_settings(), **more)


@pytest.mark.parametrize("password", ["", "kX9$mQ2", "e\u0301" * 7])
async def test_fewer_than_8_characters_are_refused(password):
    with pytest.raises(PasswordTooShort) as caught:
        await check(password)
    assert caught.value.code == "password_too_short"


@pytest.mark.parametrize("password", ["kX9$mQ2!v" * 29, "ﷺ" * 15, "x" * 1_000_000])
async def test_more_than_256_characters_after_nfkc_are_refused(password):
    with pytest.raises(PasswordTooLong) as caught:
        await check(password)
    assert caught.value.code == "password_too_long"


@pytest.mark.parametrize("password", ["kX9$mQ2!\0vB7@", "kX9$mQ2!\ud800vB7@"])
async def test_what_is_no_character_is_refused(password):
    with pytest.raises(UnusablePassword) as caught:
        await check(password)
    assert caught.value.code == "unusable_password"


@pytest.mark.parametrize("password", ["password", "P@ssw0rd!", "aaaaaaaaaaaa", "12345678901"])
async def test_a_score_below_2_is_refused_with_advice(password):
    with pytest.raises(WeakPassword) as caught:
        await check(password)
    assert caught.value.code == "weak_password"
    assert caught.value.errors[0].field == "password"


async def test_what_the_person_is_known_by_is_refused():
    with pytest.raises(WeakPassword):
        await check("zworykin1889", user_inputs=["zworykin@example.com"])


def test_a_hostile_password_is_judged_in_a_bounded_time():
    began = time.thread_time()
    rate(assessable_part("4@8({[<3691!|7%0$5+2" * 20), [])
    assert time.thread_time() - began < 0.5


async def test_strength_is_judged_off_the_event_loop():
    async with one_at_a_time():
        judging = asyncio.create_task(assess(RIGHT))
        await Desk.settle()
    turns = 0
    while not judging.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1
    assert (await judging).score > 2


async def test_a_breached_password_is_refused_when_the_check_is_on():
    with pwned_passwords() as service:
        service.breached = {RIGHT: 3}
        breaches = BreachedPasswords(service.address)
        await check(RIGHT)
        with pytest.raises(BreachedPassword):
            await check(RIGHT, breaches=breaches)
        await breaches.close()


async def test_the_breach_check_fails_open_with_a_log_line(caplog):
    with pwned_passwords() as service:
        address = service.address
    breaches = BreachedPasswords(address)
    await check(RIGHT, breaches=breaches)
    assert "breach_check_unavailable" in caplog.text
    await breaches.close()


# Failed passwords


async def attempt(db, now: datetime = NOW, *, account="ada", device=None) -> bool:
    try:
        await throttle.check_account(db, account=account, device=device, now=now)
    except TooManyRequests:
        return False
    return True


async def test_after_ten_failures_an_account_has_one_attempt_a_minute(db):
    assert [await attempt(db) for _ in range(11)] == [True] * 10 + [False]
    for minute in range(1, 4):
        now = NOW + timedelta(minutes=minute)
        assert not await attempt(db, now - timedelta(seconds=1))
        assert [await attempt(db, now), await attempt(db, now)] == [True, False]


async def test_racing_attempts_cannot_exceed_the_allowance(db):
    allowed = await asyncio.gather(*(attempt(db) for _ in range(50)))
    assert allowed.count(True) == 10


async def test_a_stranger_does_not_shut_the_owner_out(db):
    while await attempt(db):
        pass
    assert await attempt(db, device="the owner's laptop")


async def test_a_known_device_has_its_own_allowance(db):
    assert [await attempt(db, device="laptop") for _ in range(11)] == [True] * 10 + [False]
    assert await attempt(db, device="phone")


async def test_a_success_ends_the_count(db):
    for _ in range(10):
        await attempt(db)
    await throttle.clear_failures(db, account="ada", device=None)
    assert [await attempt(db) for _ in range(11)] == [True] * 10 + [False]
