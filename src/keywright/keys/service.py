"""The life of a signing key: made, published, signing, published still, gone.

A new key is published before it signs, so that whoever caches the JWKS has it in time. The one
before it stays published until every access token that it signed has expired.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from keywright.core.crypto import MasterSecrets, Purpose, Rewrapped
from keywright.core.db import Handle, Transaction
from keywright.keys import repository
from keywright.keys.models import SigningKey
from keywright.protocol import jwk
from keywright.protocol.jwk import Algorithm, PrivateKey

JWKS_MAX_AGE = timedelta(minutes=5)
PUBLISHED_AHEAD = 2 * JWKS_MAX_AGE  # a proxy and a verifier may each hold the JWKS that long
CLOCK_MARGIN = timedelta(minutes=5)
SIGNS_FOR = timedelta(days=90)
FIRST_NUMBER = 1


async def list_published_keys(handle: Handle, now: datetime) -> list[SigningKey]:
    """Youngest first."""
    return await repository.list_published(handle, now)


async def find_newest_key(handle: Handle) -> SigningKey | None:
    return await repository.find_newest(handle)


async def ensure_first_key(handle: Handle, *, secrets: MasterSecrets, now: datetime) -> None:
    """Of several processes that start on an empty database one adds the first key."""
    if await repository.find_newest(handle) is None:
        first = prepare_key(FIRST_NUMBER, secrets=secrets, now=now, activates_at=now)
        await repository.add(handle, first)


def prepare_next_key(
    newest: SigningKey,
    *,
    secrets: MasterSecrets,
    now: datetime,
    algorithm: Algorithm = Algorithm.ES256,
) -> SigningKey:
    """The key for `rotate_signing_key`."""
    return prepare_key(
        newest.number + 1,
        secrets=secrets,
        now=now,
        activates_at=now + PUBLISHED_AHEAD,
        algorithm=algorithm,
    )


def prepare_replacement(
    newest: SigningKey,
    *,
    secrets: MasterSecrets,
    now: datetime,
    algorithm: Algorithm = Algorithm.ES256,
) -> SigningKey:
    """The key for `replace_leaked_keys`: it signs at once."""
    return prepare_key(
        newest.number + 1, secrets=secrets, now=now, activates_at=now, algorithm=algorithm
    )


def prepare_key(
    number: int,
    *,
    secrets: MasterSecrets,
    now: datetime,
    activates_at: datetime,
    algorithm: Algorithm = Algorithm.ES256,
) -> SigningKey:
    private = jwk.generate(algorithm)
    return SigningKey(
        kid=private.public.kid,
        number=number,
        algorithm=algorithm,
        public_jwk=jwk.write_public_jwk(private.public),
        sealed_private_jwk=seal_private_key(private, secrets),
        created_at=now,
        activates_at=activates_at,
    )


async def rotate_signing_key(
    tx: Transaction, prepared: SigningKey, *, access_token_ttl: int
) -> bool:
    """Publish `prepared` and let the earlier keys end after it. `access_token_ttl` is in seconds.

    False, and nothing changed, when another process has rotated meanwhile.
    """
    overlap = timedelta(seconds=access_token_ttl) + CLOCK_MARGIN
    return await succeed_earlier_keys(tx, prepared, retires_at=prepared.activates_at + overlap)


async def replace_leaked_keys(tx: Transaction, prepared: SigningKey) -> bool:
    """Withdraw every earlier key now: what they signed is refused, and clients refresh.

    False, and nothing changed, when another process has rotated meanwhile.
    """
    return await succeed_earlier_keys(tx, prepared, retires_at=prepared.created_at)


async def succeed_earlier_keys(
    tx: Transaction, prepared: SigningKey, *, retires_at: datetime
) -> bool:
    if not await repository.add(tx, prepared):
        return False
    await repository.retire_before(tx, prepared.number, retires_at)
    await repository.delete_retired(tx, prepared.created_at)
    return True


def is_rotation_due(newest: SigningKey, now: datetime) -> bool:
    return now - newest.activates_at >= SIGNS_FOR


def seal_private_key(key: PrivateKey, secrets: MasterSecrets) -> bytes:
    plaintext = json.dumps(jwk.write_private_jwk(key)).encode()
    return secrets.seal(Purpose.SIGNING_KEY, plaintext, context=key.public.kid.encode())


def open_private_key(key: SigningKey, secrets: MasterSecrets) -> PrivateKey:
    """Raises `CannotOpen`."""
    plaintext = secrets.open(Purpose.SIGNING_KEY, key.sealed_private_jwk, context=key.kid.encode())
    return jwk.read_private_jwk(json.loads(plaintext))


async def rewrap_private_keys(
    tx: Transaction, *, secrets: MasterSecrets, limit: int = 100
) -> Rewrapped:
    """Seal up to `limit` private keys again under the current master secret.

    Raises `CannotOpen` for one whose master secret is no longer configured.
    """
    waiting = [
        key
        for key in await repository.list_all(tx)
        if not secrets.is_current(key.sealed_private_jwk)
    ]
    rewrapped = 0
    for key in waiting[:limit]:
        sealed = seal_private_key(open_private_key(key, secrets), secrets)
        rewrapped += await repository.rewrap(tx, key, sealed)
    return Rewrapped(rewrapped=rewrapped, remaining=len(waiting) - rewrapped)
