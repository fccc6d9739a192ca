"""The life of a signing key, without a ring: first key, rotation, withdrawal, re-wrapping."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from parts.signing_keys import NEXT_SECRET, SECRET

from keywright.core.clock import ManualClock
from keywright.core.crypto import CannotOpen, MasterSecrets, Rewrapped
from keywright.core.db import Database
from keywright.keys import repository, service
from keywright.keys.models import SigningKey
from keywright.protocol import jwk
from keywright.protocol.jwk import Algorithm

pytestmark = pytest.mark.anyio

TTL = 900


async def first_key(db: Database, secrets: MasterSecrets, clock: ManualClock) -> SigningKey:
    await service.ensure_first_key(db, secrets=secrets, now=clock.now())
    newest = await service.find_newest_key(db)
    assert newest is not None
    return newest


async def rotate(
    db: Database, newest: SigningKey, secrets: MasterSecrets, clock: ManualClock
) -> bool:
    prepared = service.prepare_next_key(newest, secrets=secrets, now=clock.now())
    async with db.transaction() as tx:
        return await service.rotate_signing_key(tx, prepared, access_token_ttl=TTL)


async def published(db: Database, clock: ManualClock) -> list[int]:
    return [key.number for key in await service.list_published_keys(db, clock.now())]


async def test_an_empty_database_gets_a_key_that_signs_at_once(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    key = await first_key(db, secrets, clock)
    assert (key.number, key.activates_at, key.retires_at) == (1, clock.now(), None)
    assert key.algorithm is Algorithm.ES256
    assert key.kid == jwk.thumbprint(key.public_jwk)


async def test_starting_again_keeps_the_key(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    assert await first_key(db, secrets, clock) == await first_key(db, secrets, clock)


async def test_of_many_starts_at_once_one_makes_the_first_key(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    starts = (service.ensure_first_key(db, secrets=secrets, now=clock.now()) for _ in range(20))
    await asyncio.gather(*starts)
    assert await published(db, clock) == [1]


START = """
import asyncio, sys
from keywright.core.clock import SystemClock
from keywright.core.crypto import MasterSecrets
from keywright.core.db.url import open_database
from keywright.core.settings import Settings
from keywright.keys.ring import KeyRing

async def main():
    db = open_database(sys.argv[1])
    await db.open()
    secrets = MasterSecrets(sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    ring = await KeyRing.open(db, secrets, SystemClock(), Settings())
    print([key["kid"] for key in ring.jwks()["keys"]])
    await db.close()

asyncio.run(main())
"""


async def test_of_many_processes_that_start_at_once_one_makes_the_first_key(
    database_url: str, tmp_path: Path
) -> None:
    processes = [await start_process(database_url, tmp_path) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len({said for said, _ in answers}) == 1


async def start_process(database_url: str, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        START,
        database_url,
        SECRET,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=folder,
    )


async def test_a_new_key_is_published_long_before_it_signs(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    await rotate(db, await first_key(db, secrets, clock), secrets, clock)
    newest = await service.find_newest_key(db)
    assert newest is not None
    assert await published(db, clock) == [2, 1]
    assert newest.activates_at - clock.now() >= 2 * service.JWKS_MAX_AGE


async def test_the_key_before_stays_until_its_last_token_has_expired(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    await rotate(db, await first_key(db, secrets, clock), secrets, clock)
    newest = await service.find_newest_key(db)
    assert newest is not None
    clock.advance(seconds=(newest.activates_at - clock.now()).total_seconds() + TTL)
    assert await published(db, clock) == [2, 1]
    clock.advance(seconds=service.CLOCK_MARGIN.total_seconds())
    assert await published(db, clock) == [2]


async def test_rotations_that_race_make_one_key(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    newest = await first_key(db, secrets, clock)
    won = await asyncio.gather(*(rotate(db, newest, secrets, clock) for _ in range(10)))
    assert sorted(won) == [False] * 9 + [True]
    assert await published(db, clock) == [2, 1]


async def test_rotating_twice_does_not_keep_a_key_longer(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    first = await first_key(db, secrets, clock)
    await rotate(db, first, secrets, clock)
    ends = (await service.list_published_keys(db, clock.now()))[-1].retires_at
    second = await service.find_newest_key(db)
    assert second is not None
    clock.advance(minutes=1)
    await rotate(db, second, secrets, clock)
    keys = await service.list_published_keys(db, clock.now())
    assert [key.number for key in keys] == [3, 2, 1]
    assert keys[-1].retires_at == ends


async def test_retired_keys_are_deleted_with_their_private_halves(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    await rotate(db, await first_key(db, secrets, clock), secrets, clock)
    clock.advance(days=90)
    newest = await service.find_newest_key(db)
    assert newest is not None
    await rotate(db, newest, secrets, clock)
    assert [key.number for key in await repository.list_all(db)] == [2, 3]


async def test_a_leaked_key_is_withdrawn_at_once(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    first = await first_key(db, secrets, clock)
    await rotate(db, first, secrets, clock)
    pending = await service.find_newest_key(db)
    assert pending is not None
    prepared = service.prepare_replacement(pending, secrets=secrets, now=clock.now())
    async with db.transaction() as tx:
        assert await service.replace_leaked_keys(tx, prepared)
    assert await published(db, clock) == [3]
    assert prepared.activates_at == clock.now()


async def test_rotation_is_due_after_ninety_days_of_signing(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    key = await first_key(db, secrets, clock)
    assert not service.is_rotation_due(key, clock.now() + timedelta(days=89, hours=23))
    assert service.is_rotation_due(key, clock.now() + timedelta(days=90))


@pytest.mark.parametrize("algorithm", Algorithm)
async def test_a_private_key_opens_again(
    secrets: MasterSecrets, clock: ManualClock, algorithm: Algorithm
) -> None:
    now = clock.now()
    key = service.prepare_key(1, secrets=secrets, now=now, activates_at=now, algorithm=algorithm)
    assert service.open_private_key(key, secrets).public.kid == key.kid


async def test_rewrapping_goes_in_batches_and_says_when_the_old_secret_is_unused(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    await rotate(db, await first_key(db, secrets, clock), secrets, clock)
    rotated = MasterSecrets(NEXT_SECRET, [SECRET])
    answers = []
    for _ in range(3):
        async with db.transaction() as tx:
            answers.append(await service.rewrap_private_keys(tx, secrets=rotated, limit=1))
    assert answers == [Rewrapped(1, 1), Rewrapped(1, 0), Rewrapped(0, 0)]
    alone = MasterSecrets(NEXT_SECRET)
    for key in await service.list_published_keys(db, clock.now()):
        assert service.open_private_key(key, alone)
        with pytest.raises(CannotOpen):
            service.open_private_key(key, secrets)


async def test_rewrapping_needs_the_old_secret(
    db: Database, secrets: MasterSecrets, clock: ManualClock
) -> None:
    await first_key(db, secrets, clock)
    stranger = MasterSecrets("a-secret-that-never-sealed-anything-here")
    with pytest.raises(CannotOpen, match="KEYWRIGHT_SECRET_KEYS_OLD"):
        async with db.transaction() as tx:
            await service.rewrap_private_keys(tx, secrets=stranger)
