"""The master secret and what is derived from it: HKDF keys, sealed values, MACs.

`KEYWRIGHT_SECRET_KEY` feeds HKDF-SHA-256 (RFC 5869) and nothing else, one label a purpose. Every
sealed value and every MAC names the generation of the secret that made it, so that an earlier
secret (`KEYWRIGHT_SECRET_KEYS_OLD`) still opens and verifies.

    sealed value = version (1) ‖ generation (4) ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag
    MAC          = generation (4) ‖ HMAC-SHA-256 (32)
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keywright.core.errors import ConfigurationError, KeywrightError

KEY_LENGTH = 32
GENERATION_LENGTH = 4
GENERATION_LABEL = "keywright/v1/generation"
SEALED_VERSION = b"\x01"
NONCE_LENGTH = 12  # random: NIST SP 800-38D §8.3 allows 2**32 values under one key
SEALED_HEADER_LENGTH = len(SEALED_VERSION) + GENERATION_LENGTH


class Purpose(StrEnum):
    """The HKDF label of each use. A key of one purpose says nothing about another's."""

    AUDIT = "keywright/v1/audit"
    CODE = "keywright/v1/code"
    DEVICE_COOKIE = "keywright/v1/device-cookie"
    FORM = "keywright/v1/form"
    IDEMPOTENCY = "keywright/v1/idempotency"
    OUTBOX = "keywright/v1/outbox"
    RATE_LIMIT = "keywright/v1/rate-limit"
    REFRESH_TOKEN = "keywright/v1/refresh-token"  # noqa: S105 - a label, not a secret
    SIGNING_KEY = "keywright/v1/signing-key"


class UnknownGeneration(KeyError):
    """No master secret of that generation is configured."""


class CannotOpen(KeywrightError):
    """A sealed value was changed, belongs elsewhere, or its master secret is not configured."""

    code = "cannot_open"
    title = "A stored secret cannot be opened"
    detail = (
        "A stored secret cannot be opened with the configured master secrets. If "
        "KEYWRIGHT_SECRET_KEY was changed, put its earlier value into KEYWRIGHT_SECRET_KEYS_OLD."
    )


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """One batch of `key rotate --master`. With `remaining == 0` no old secret is needed here."""

    rewrapped: int
    remaining: int


class MasterSecrets:
    """The current master secret, and the earlier ones that still open and verify."""

    def __init__(self, current: str, old: Sequence[str] = ()) -> None:
        self._secrets: dict[bytes, bytes] = {}
        self._derived: dict[tuple[str, bytes], bytes] = {}
        for secret in (current, *old):
            self._add(secret.encode())
        self.generation: bytes = next(iter(self._secrets))

    def derive(self, purpose: Purpose, generation: bytes | None = None) -> bytes:
        """The 32-byte key of `purpose`. Raises `UnknownGeneration`."""
        return self._derive(purpose, self.generation if generation is None else generation)

    def seal(self, purpose: Purpose, plaintext: bytes, *, context: bytes) -> bytes:
        """Encrypt for storage. `context` says where the value belongs and must match at `open`."""
        header = SEALED_VERSION + self.generation
        nonce = secrets.token_bytes(NONCE_LENGTH)
        cipher = AESGCM(self._derive(f"{purpose}/seal", self.generation))
        return header + nonce + cipher.encrypt(nonce, plaintext, header + context)

    def open(self, purpose: Purpose, sealed: bytes, *, context: bytes) -> bytes:
        """Undo `seal`. Raises `CannotOpen`."""
        header = sealed[:SEALED_HEADER_LENGTH]
        nonce = sealed[SEALED_HEADER_LENGTH : SEALED_HEADER_LENGTH + NONCE_LENGTH]
        ciphertext = sealed[SEALED_HEADER_LENGTH + NONCE_LENGTH :]
        if not header.startswith(SEALED_VERSION):
            raise CannotOpen
        try:
            cipher = AESGCM(self._derive(f"{purpose}/seal", header[len(SEALED_VERSION) :]))
            return cipher.decrypt(nonce, ciphertext, header + context)
        except (UnknownGeneration, InvalidTag, ValueError):
            raise CannotOpen from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the current secret sealed it; otherwise it waits to be wrapped again."""
        return sealed.startswith(SEALED_VERSION + self.generation)

    def mac(self, purpose: Purpose, data: bytes) -> bytes:
        return self.generation + self._hmac(purpose, data, self.generation)

    def verify_mac(self, purpose: Purpose, data: bytes, mac: bytes) -> bool:
        """In constant time, under whichever known generation `mac` names."""
        generation = mac[:GENERATION_LENGTH]
        if generation not in self._secrets:
            return False
        return hmac.compare_digest(mac[GENERATION_LENGTH:], self._hmac(purpose, data, generation))

    def _add(self, secret: bytes) -> None:
        if not secret:
            raise ConfigurationError(
                "A master secret is empty: set KEYWRIGHT_SECRET_KEY to the output of "
                "`openssl rand -base64 48`."
            )
        generation = hkdf(secret, GENERATION_LABEL.encode(), GENERATION_LENGTH)
        if self._secrets.setdefault(generation, secret) != secret:
            raise ConfigurationError(
                "Two master secrets share a generation id, which happens once in four billion: "
                "set KEYWRIGHT_SECRET_KEY to another output of `openssl rand -base64 48`."
            )

    def _derive(self, label: str, generation: bytes) -> bytes:
        known = self._derived.get((label, generation))
        if known is not None:
            return known
        if generation not in self._secrets:
            raise UnknownGeneration(generation.hex())
        key = hkdf(self._secrets[generation], label.encode(), KEY_LENGTH)
        self._derived[label, generation] = key
        return key

    def _hmac(self, purpose: Purpose, data: bytes, generation: bytes) -> bytes:
        return hmac.digest(self._derive(f"{purpose}/mac", generation), data, "sha256")


def hkdf(secret: bytes, info: bytes, length: int, *, salt: bytes | None = None) -> bytes:
    """HKDF-SHA-256 (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
