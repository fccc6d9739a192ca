"""Digests of secrets that are random already, and so need no slow hash."""

from __future__ import annotations

import hashlib
import hmac


def sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def matches(digest: bytes, text: str) -> bool:
    """Whether `digest` is the SHA-256 of `text`, in constant time."""
    return hmac.compare_digest(digest, sha256(text))
