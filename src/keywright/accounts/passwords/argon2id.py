"""Argon2id (RFC 9106) with the parameters of the settings."""

from __future__ import annotations

import secrets
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass

from argon2 import Parameters, extract_parameters
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION, Type, hash_secret, verify_secret

PREFIX = "$argon2id$"
SALT_BYTES, HASH_BYTES = 16, 32
LANES = 1


@dataclass(frozen=True, slots=True)
class Argon2id:
    """Every method but `is_current` takes the time of a real hash; none may run on the loop."""

    memory_kib: int
    time_cost: int

    def hash(self, secret: bytes) -> str:
        salt = secrets.token_bytes(SALT_BYTES)
        return hash_secret(
            secret, salt, self.time_cost, self.memory_kib, LANES, HASH_BYTES, Type.ID
        ).decode()

    def verify(self, stored: str, secret: bytes) -> bool:
        """Raises `VerificationError` or `InvalidHashError` when `stored` cannot be used."""
        try:
            return verify_secret(stored.encode(), secret, Type.ID)
        except VerifyMismatchError:
            return False

    def pay_for_a_hash(self, secret: bytes) -> None:
        """The work of a verification that cannot succeed, for whom there is no hash to verify."""
        with suppress(VerifyMismatchError):
            verify_secret(self.random_hash().encode(), secret, Type.ID)

    def random_hash(self) -> str:
        """Well-formed with today's parameters; the hash of nothing."""
        salt, digest = (
            b64encode(secrets.token_bytes(size)).decode().rstrip("=")
            for size in (SALT_BYTES, HASH_BYTES)
        )
        costs = f"m={self.memory_kib},t={self.time_cost},p={LANES}"
        return f"{PREFIX}v={ARGON2_VERSION}${costs}${salt}${digest}"

    def is_current(self, stored: str) -> bool:
        try:
            return extract_parameters(stored) == self.parameters()
        except InvalidHashError:
            return False

    def parameters(self) -> Parameters:
        return Parameters(
            type=Type.ID,
            version=ARGON2_VERSION,
            salt_len=SALT_BYTES,
            hash_len=HASH_BYTES,
            time_cost=self.time_cost,
            memory_cost=self.memory_kib,
            parallelism=LANES,
        )
