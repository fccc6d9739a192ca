from __future__ import annotations

import pytest
from parts.signing_keys import NEXT_SECRET, SECRET
from parts.tokens import sign_token

from keywright.core.clock import ManualClock
from keywright.core.crypto import CannotOpen, MasterSecrets
from keywright.core.db import Database
from keywright.core.errors import Unavailable
from keywright.core.settings import Settings
from keywright.keys import service
from keywright.keys.ring import KeyRing
from keywright.protocol import jwk, jws
from keywright.protocol.errors import InvalidToken, Reason
from keywright.protocol.jwk import Algorithm

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ring(
    db: Database, secrets: MasterSecrets, clock: ManualClock, settings: Settings
) -> KeyRing:
    return await KeyRing.open(db, secrets, clock, settings)


@pytest.fixture
async def other(
    db: Database, secrets: MasterSecrets, clock: ManualClock, settings: Settings, ring: KeyRing
) -> KeyRing:
    """Another process on the same database."""
    return await KeyRing.open(db, secrets, clock, settings)


def kid_of(token: str) -> str | None:
    return jws.parse(token).kid


def kids(ring: KeyRing) -> list[str]:
    return [key["kid"] for key in ring.jwks()["keys"]]


async def refusal(ring: KeyRing, token: str, typ: str = "at+jwt") -> Reason:
    with pytest.raises(InvalidToken) as refused:
        await ring.verify(token, typ=typ)
    return refused.value.reason


async def test_what_it_signs_it_verifies(ring: KeyRing) -> None:
    token = ring.sign({"sub": "ada"}, typ="at+jwt")
    for _ in range(2):
        assert await ring.verify(token, typ="at+jwt") == {"sub": "ada"}


async def test_a_type_is_checked_at_every_use(ring: KeyRing) -> None:
    token = ring.sign({"sub": "ada"}, typ="at+jwt")
    await ring.verify(token, typ="at+jwt")
    assert await refusal(ring, token, typ="logout+jwt") is Reason.WRONG_TYPE


async def test_the_jwks_holds_no_private_half(ring: KeyRing) -> None:
    (key,) = ring.jwks()["keys"]
    assert set(key) == {"kid", "alg", "use", "kty", "crv", "x", "y"}


async def test_a_ring_that_is_not_loaded_signs_nothing(
    db: Database, secrets: MasterSecrets, clock: ManualClock, settings: Settings
) -> None:
    with pytest.raises(Unavailable, match="not loaded"):
        KeyRing(db, secrets, clock, settings).sign({}, typ="at+jwt")


async def test_two_processes_share_their_keys(ring: KeyRing, other: KeyRing) -> None:
    token = ring.sign({"sub": "ada"}, typ="at+jwt")
    assert await other.verify(token, typ="at+jwt") == {"sub": "ada"}


async def test_it_rotates_by_itself_after_ninety_days(ring: KeyRing, clock: ManualClock) -> None:
    assert not await ring.rotate_when_due()
    clock.advance(days=90)
    assert await ring.rotate_when_due()
    assert len(kids(ring)) == 2
    assert not await ring.rotate_when_due()


async def test_the_new_key_signs_once_it_is_active(ring: KeyRing, clock: ManualClock) -> None:
    (old,) = kids(ring)
    clock.advance(days=90)
    await ring.rotate_when_due()
    new = kids(ring)[0]
    clock.advance(seconds=service.PUBLISHED_AHEAD.total_seconds() - 1)
    assert kid_of(ring.sign({}, typ="at+jwt")) == old
    clock.advance(seconds=1)
    assert kid_of(ring.sign({}, typ="at+jwt")) == new


async def test_a_rotation_reaches_the_other_process(
    ring: KeyRing, other: KeyRing, clock: ManualClock
) -> None:
    clock.advance(days=90)
    await ring.rotate_when_due()
    await other.refresh()
    assert kids(other) == kids(ring)
    clock.advance(seconds=service.PUBLISHED_AHEAD.total_seconds())
    assert kid_of(other.sign({}, typ="at+jwt")) == kid_of(ring.sign({}, typ="at+jwt"))


async def test_a_token_of_an_old_key_is_good_until_it_would_have_expired(
    ring: KeyRing, clock: ManualClock, settings: Settings
) -> None:
    clock.advance(days=90)
    await ring.rotate_when_due()
    clock.advance(seconds=service.PUBLISHED_AHEAD.total_seconds() - 1)
    token = ring.sign({}, typ="at+jwt")
    clock.advance(seconds=settings.access_token_ttl)
    await ring.refresh()
    assert await ring.verify(token, typ="at+jwt") == {}
    clock.advance(seconds=service.CLOCK_MARGIN.total_seconds() + 1)
    await ring.refresh()
    assert await refusal(ring, token) is Reason.UNKNOWN_KEY


async def test_a_key_that_is_not_known_yet_is_looked_for(
    ring: KeyRing, other: KeyRing, clock: ManualClock
) -> None:
    clock.advance(days=90)
    await ring.rotate_when_due()
    clock.advance(seconds=service.PUBLISHED_AHEAD.total_seconds())
    assert await other.verify(ring.sign({}, typ="at+jwt"), typ="at+jwt") == {}


async def test_made_up_key_ids_do_not_become_database_reads(
    ring: KeyRing, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    async def count(self: KeyRing) -> None:
        reads.append(self)

    monkeypatch.setattr(KeyRing, "refresh", count)
    stranger = sign_token(jwk.generate(Algorithm.ES256))
    for _ in range(20):
        assert await refusal(ring, stranger) is Reason.UNKNOWN_KEY
    assert len(reads) == 1
    clock.advance(seconds=2)
    assert await refusal(ring, stranger) is Reason.UNKNOWN_KEY
    assert len(reads) == 2


async def test_a_withdrawn_key_stops_at_the_next_refresh(
    db: Database, ring: KeyRing, other: KeyRing, secrets: MasterSecrets, clock: ManualClock
) -> None:
    token = ring.sign({}, typ="at+jwt")
    await other.verify(token, typ="at+jwt")
    newest = await service.find_newest_key(db)
    assert newest is not None
    prepared = service.prepare_replacement(newest, secrets=secrets, now=clock.now())
    async with db.transaction() as tx:
        await service.replace_leaked_keys(tx, prepared)
    await other.refresh()
    assert await refusal(other, token) is Reason.UNKNOWN_KEY
    assert kid_of(other.sign({}, typ="at+jwt")) == prepared.kid


async def test_a_changed_master_secret_is_named_at_the_start(
    db: Database, ring: KeyRing, clock: ManualClock, settings: Settings
) -> None:
    with pytest.raises(CannotOpen, match="KEYWRIGHT_SECRET_KEYS_OLD"):
        await KeyRing.open(db, MasterSecrets(NEXT_SECRET), clock, settings)


async def test_a_process_without_the_new_secret_goes_on_with_what_it_can_open(
    db: Database, ring: KeyRing, clock: ManualClock, settings: Settings
) -> None:
    """A new master secret reaches the processes one after the other."""
    clock.advance(days=90)
    ahead = await KeyRing.open(db, MasterSecrets(NEXT_SECRET, [SECRET]), clock, settings)
    assert await ahead.rotate_when_due()
    await ring.refresh()
    clock.advance(seconds=service.PUBLISHED_AHEAD.total_seconds())
    assert await ring.verify(ahead.sign({}, typ="at+jwt"), typ="at+jwt") == {}
    assert await ahead.verify(ring.sign({}, typ="at+jwt"), typ="at+jwt") == {}


async def test_a_clock_that_is_behind_still_signs(
    db: Database, ring: KeyRing, secrets: MasterSecrets, clock: ManualClock, settings: Settings
) -> None:
    behind = ManualClock(clock.now())
    behind.advance(seconds=-3)
    late = await KeyRing.open(db, secrets, behind, settings)
    assert await ring.verify(late.sign({}, typ="at+jwt"), typ="at+jwt") == {}
