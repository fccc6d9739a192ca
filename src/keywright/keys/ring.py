"""The keys that this process holds: signs with the active one, verifies with all published ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import msgspec

from keywright.core.clock import Clock
from keywright.core.crypto import CannotOpen, MasterSecrets
from keywright.core.db import Database
from keywright.core.errors import Unavailable
from keywright.core.log import get_logger
from keywright.core.settings import Settings
from keywright.keys import service
from keywright.keys.models import SigningKey
from keywright.protocol import jws
from keywright.protocol.jwk import PrivateKey, PublicKey, read_public_jwk
from keywright.protocol.verified_tokens import VerifiedTokens

UNKNOWN_KEY_INTERVAL = timedelta(seconds=2)

log = get_logger("keywright.keys")


@dataclass(frozen=True, slots=True)
class Signer:
    activates_at: datetime
    key: PrivateKey


@dataclass(frozen=True, slots=True)
class Keys:
    """What was read together. `signers` and `jwks` have the youngest first; `document` is `jwks`
    as it is published.
    """

    public: Mapping[str, PublicKey]
    signers: tuple[Signer, ...]
    sealed: frozenset[str]
    jwks: Mapping[str, Any]
    document: bytes


NO_KEYS = Keys({}, signers=(), sealed=frozenset(), jwks={"keys": []}, document=b'{"keys":[]}')


class KeyRing:
    """Implements `core.context.TokenKeys`. A loop calls `refresh` every few seconds, so that a
    rotation in one process reaches the others, and `rotate_when_due` now and then.
    """

    def __init__(
        self, db: Database, secrets: MasterSecrets, clock: Clock, settings: Settings
    ) -> None:
        self._db = db
        self._secrets = secrets
        self._clock = clock
        self._access_token_ttl = settings.access_token_ttl
        self._keys = NO_KEYS
        self._verified = VerifiedTokens()
        self._looked_for_unknown_at: datetime | None = None

    @classmethod
    async def open(
        cls, db: Database, secrets: MasterSecrets, clock: Clock, settings: Settings
    ) -> Self:
        ring = cls(db, secrets, clock, settings)
        await ring.load()
        return ring

    async def load(self) -> None:
        """Make the first key if there is none, and read them all. Raises `CannotOpen`."""
        await service.ensure_first_key(self._db, secrets=self._secrets, now=self._clock.now())
        await self.refresh()

    async def refresh(self) -> None:
        """Read the keys again. Raises `CannotOpen` when not one private key can be opened."""
        rows = await service.list_published_keys(self._db, self._clock.now())
        self._keys = self._read(rows)

    async def rotate_when_due(self) -> bool:
        """Rotate once the newest key has signed for 90 days. Whether this process did it."""
        now = self._clock.now()
        newest = await service.find_newest_key(self._db)
        if newest is None or not service.is_rotation_due(newest, now):
            return False
        prepared = service.prepare_next_key(newest, secrets=self._secrets, now=now)
        async with self._db.transaction() as tx:
            rotated = await service.rotate_signing_key(
                tx, prepared, access_token_ttl=self._access_token_ttl
            )
        await self.refresh()
        return rotated

    def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        return jws.sign(jws.write_object(claims), self._active_key(), typ=typ)

    async def verify(self, token: str, *, typ: str) -> dict[str, Any]:
        return jws.read_object(await self.read(token, typ=typ))

    async def read(self, token: str, *, typ: str) -> bytes:
        parsed = jws.parse(token)
        jws.refuse_other_type(parsed, typ)
        if parsed.kid not in self._keys.public:
            await self._look_for_unknown_key()
        key = jws.find_key(parsed, self._keys.public)
        self._verified.check_signature(parsed, key)
        return parsed.payload

    def jwks(self) -> Mapping[str, Any]:
        """The JWK Set to publish (RFC 7517 §5)."""
        return self._keys.jwks

    def jwks_document(self) -> bytes:
        return self._keys.document

    def _active_key(self) -> PrivateKey:
        """The youngest active key; the oldest one when another clock is ahead of ours."""
        if not self._keys.signers:
            raise Unavailable("The signing keys are not loaded yet. Please try again in a moment.")
        now = self._clock.now()
        active = (signer for signer in self._keys.signers if signer.activates_at <= now)
        return next(active, self._keys.signers[-1]).key

    async def _look_for_unknown_key(self) -> None:
        """At most every two seconds: made-up key ids must not become database reads."""
        now, looked = self._clock.now(), self._looked_for_unknown_at
        if looked is None or not timedelta() <= now - looked < UNKNOWN_KEY_INTERVAL:
            self._looked_for_unknown_at = now
            await self.refresh()

    def _read(self, rows: list[SigningKey]) -> Keys:
        opened = {row.kid: self._open(row) for row in rows}
        signers = tuple(Signer(row.activates_at, key) for row in rows if (key := opened[row.kid]))
        if not signers:
            raise CannotOpen
        jwks = {"keys": [row.public_jwk for row in rows]}
        return Keys(
            public={row.kid: self._public_key(row) for row in rows},
            signers=signers,
            sealed=frozenset(kid for kid, key in opened.items() if key is None),
            jwks=jwks,
            document=msgspec.json.encode(jwks),
        )

    def _public_key(self, row: SigningKey) -> PublicKey:
        return self._keys.public.get(row.kid) or read_public_jwk(row.public_jwk)

    def _open(self, row: SigningKey) -> PrivateKey | None:
        """None for a key sealed under a master secret that this process does not have (yet)."""
        known = (signer.key for signer in self._keys.signers)
        for key in known:
            if key.public.kid == row.kid:
                return key
        try:
            return service.open_private_key(row, self._secrets)
        except CannotOpen as error:
            if row.kid not in self._keys.sealed:
                log.warning("signing_key_sealed", kid=row.kid, detail=error.detail)
            return None
