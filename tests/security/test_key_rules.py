"""security.md, "Master secret and keys", as far as it concerns the secret and signing keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from parts.signing_keys import NEXT_SECRET, SECRET
from parts.tables import create_tables, opened, sqlite_url
from parts.tokens import sign_token

from keywright.core.clock import ManualClock
from keywright.core.crypto import CannotOpen, MasterSecrets, Purpose
from keywright.core.settings import Settings
from keywright.keys import service
from keywright.keys.ring import KeyRing
from keywright.keys.table import signing_keys
from keywright.protocol import base64url, jwk, jws
from keywright.protocol.errors import InvalidToken, Reason
from keywright.protocol.jwk import Algorithm

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def ring(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[KeyRing]:
    monkeypatch.chdir(tmp_path)
    await create_tables(sqlite_url(tmp_path), [signing_keys])
    async with opened(sqlite_url(tmp_path)) as db:
        yield await KeyRing.open(db, MasterSecrets(SECRET), clock, Settings())


def test_each_purpose_has_a_key_of_its_own() -> None:
    secrets = MasterSecrets(SECRET)
    assert len({secrets.derive(purpose) for purpose in Purpose}) == len(Purpose)
    mac = secrets.mac(Purpose.CODE, b"123456")
    assert not secrets.verify_mac(Purpose.FORM, b"123456", mac)


def test_a_mac_that_is_not_ours_does_not_verify() -> None:
    secrets = MasterSecrets(SECRET)
    mac = secrets.mac(Purpose.REFRESH_TOKEN, b"family 1")
    assert secrets.verify_mac(Purpose.REFRESH_TOKEN, b"family 1", mac)
    assert not secrets.verify_mac(Purpose.REFRESH_TOKEN, b"family 2", mac)
    assert not secrets.verify_mac(Purpose.REFRESH_TOKEN, b"family 1", mac[:-1] + b"\0\0")


def test_an_old_secret_opens_and_verifies_and_a_removed_one_does_not() -> None:
    before, after = MasterSecrets(SECRET), MasterSecrets(NEXT_SECRET, [SECRET])
    sealed = before.seal(Purpose.OUTBOX, b"text", context=b"row")
    mac = before.mac(Purpose.CODE, b"123456")
    assert after.open(Purpose.OUTBOX, sealed, context=b"row") == b"text"
    assert after.verify_mac(Purpose.CODE, b"123456", mac)
    assert not after.is_current(sealed)
    removed = MasterSecrets(NEXT_SECRET)
    assert not removed.verify_mac(Purpose.CODE, b"123456", mac)
    with pytest.raises(CannotOpen):
        removed.open(Purpose.OUTBOX, sealed, context=b"row")


def read_all(folder: Path) -> bytes:
    """The database and its write-ahead log."""
    return b"".join(file.read_bytes() for file in folder.glob("*.db*"))


async def test_private_halves_are_sealed_at_rest(ring: KeyRing, tmp_path: Path) -> None:
    private = ring._active_key()
    secret = base64url.decode(jwk.private_members(private.material)["d"].encode())
    stored = read_all(tmp_path)
    assert private.public.kid.encode() in stored
    assert secret not in stored
    assert base64url.encode(secret) not in stored


async def test_a_sealed_private_half_opens_in_its_own_row_alone(ring: KeyRing) -> None:
    db, secrets = ring._db, ring._secrets
    newest = await service.find_newest_key(db)
    assert newest is not None
    other = service.prepare_next_key(newest, secrets=secrets, now=newest.created_at)
    with pytest.raises(CannotOpen):
        secrets.open(Purpose.SIGNING_KEY, other.sealed_private_jwk, context=newest.kid.encode())


async def test_signing_keys_rotate_with_overlap(ring: KeyRing, clock: ManualClock) -> None:
    """Published before it signs; the one before stays until what it signed has expired."""
    (old,) = (key["kid"] for key in ring.jwks()["keys"])
    clock.advance(days=90)
    await ring.rotate_when_due()
    new = ring.jwks()["keys"][0]["kid"]
    last_of_old = ring.sign({}, typ="at+jwt")
    assert jws.parse(last_of_old).kid == old != new
    clock.advance(minutes=10)
    await ring.refresh()
    assert jws.parse(ring.sign({}, typ="at+jwt")).kid == new
    assert await ring.verify(last_of_old, typ="at+jwt") == {}
    clock.advance(minutes=15 + 5)
    await ring.refresh()
    with pytest.raises(InvalidToken) as refused:
        await ring.verify(last_of_old, typ="at+jwt")
    assert refused.value.reason is Reason.UNKNOWN_KEY


async def test_a_key_that_is_not_ours_verifies_nothing(ring: KeyRing) -> None:
    forger = jwk.generate(Algorithm.ES256)
    with pytest.raises(InvalidToken) as refused:
        await ring.verify(sign_token(forger), typ="at+jwt")
    assert refused.value.reason is Reason.UNKNOWN_KEY
    named = jwk.private_key(forger.material, kid=ring.jwks()["keys"][0]["kid"])
    with pytest.raises(InvalidToken) as refused:
        await ring.verify(sign_token(named), typ="at+jwt")
    assert refused.value.reason is Reason.BAD_SIGNATURE


async def test_a_verified_token_is_refused_where_another_type_is_wanted(ring: KeyRing) -> None:
    token = ring.sign({}, typ="at+jwt")
    await ring.verify(token, typ="at+jwt")
    with pytest.raises(InvalidToken) as refused:
        await ring.verify(token, typ="logout+jwt")
    assert refused.value.reason is Reason.WRONG_TYPE
