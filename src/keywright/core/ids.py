"""Identifiers and random secrets."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from uuid import UUID

ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LETTERS = bytes(ALPHABET[byte % len(ALPHABET)] for byte in range(256))
UNEVEN = bytes(range(256 - 256 % len(ALPHABET), 256))  # would make the first letters likelier


def new_id(now: datetime) -> UUID:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = int(now.timestamp() * 1000) & 0xFFFF_FFFF_FFFF
    random = secrets.randbits(74)
    high, low = random >> 62, random & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def created_at(identifier: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def new_secret(bits: int = 256) -> str:
    """An unguessable word of at least `bits` bits, safe in links and headers (base62)."""
    length = -(-bits * 1000 // 5954)  # log2(62) = 5.954
    word = b""
    while len(word) < length:
        word += secrets.token_bytes(length + 8).translate(LETTERS, UNEVEN)
    return word[:length].decode()


def random_bytes(size: int) -> bytes:
    return secrets.token_bytes(size)
