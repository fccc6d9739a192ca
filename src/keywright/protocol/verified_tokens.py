"""Remembers signatures that were verified, since verifying costs more than all the rest.

It stores nothing but "SHA-256 of the whole token → good by the key with this thumbprint". `typ`,
`iss`, `aud`, `exp` and revocation are read from the token and checked at every use.
"""

from __future__ import annotations

import hashlib
import threading

from keywright.protocol import jws
from keywright.protocol.jwk import PublicKey

CAPACITY = 16_384  # entries; about 3 MB


class VerifiedTokens:
    """Safe to share among threads; the oldest entry makes room for a new one."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._thumbprints: dict[bytes, str] = {}
        self._lock = threading.Lock()

    def check_signature(self, token: jws.Jws, key: PublicKey) -> None:
        """`jws.check_signature`, or the memory of it. Raises `InvalidToken`."""
        digest = hashlib.sha256(token.encoded).digest()
        if is_verified_by(self._thumbprints.get(digest), key):
            return
        jws.check_signature(token, key)
        jws.read_object(token.payload)  # only what can be read is remembered
        self._remember(digest, key)

    def __len__(self) -> int:
        return len(self._thumbprints)

    def _remember(self, digest: bytes, key: PublicKey) -> None:
        with self._lock:
            if digest not in self._thumbprints and len(self._thumbprints) >= self._capacity:
                del self._thumbprints[next(iter(self._thumbprints))]
            self._thumbprints[digest] = key.thumbprint


def is_verified_by(thumbprint: str | None, key: PublicKey) -> bool:
    """A remembered signature counts only for the very key that verified it."""
    return thumbprint == key.thumbprint
