"""The refresh token: names its family and generation, proves itself by HMAC, is stored nowhere.

    kwr_ base64url( version 1 | key generation 4 | family 16 | generation 4 | salt 16 | HMAC 32 )

The family of a first-party session is the session itself. The HMAC-SHA-256 runs under a key
derived from the master secret, over all that stands before it and the client id. The salt is the
family's own and is compared with its row, so that the master secret alone is not enough to make
a token (security.md, "Tokens, sessions, grants").
"""

from __future__ import annotations

import base64
import hmac
import struct
from dataclasses import dataclass
from uuid import UUID

from keywright.core.crypto import MasterSecrets, Purpose, UnknownGeneration

PREFIX = "kwr_"
FIRST_PARTY = "keywright"
VERSION = 1
BODY = struct.Struct(">B4s16sI16s")
MAC_BYTES = 32
SALT_BYTES = 16
LAST_GENERATION = 2**31 - 2


@dataclass(frozen=True, slots=True)
class RefreshToken:
    family: UUID
    generation: int
    salt: bytes


def write_refresh_token(
    secrets: MasterSecrets, token: RefreshToken, client_id: str = FIRST_PARTY
) -> str:
    key_generation = secrets.generation
    body = BODY.pack(VERSION, key_generation, token.family.bytes, token.generation, token.salt)
    mac = compute_mac(secrets.derive(Purpose.REFRESH_TOKEN, key_generation), body, client_id)
    return PREFIX + base64.urlsafe_b64encode(body + mac).rstrip(b"=").decode()


def read_refresh_token(
    secrets: MasterSecrets, text: str, client_id: str = FIRST_PARTY
) -> RefreshToken | None:
    """The token's parts, or None unless it is one that we issued to this client."""
    raw = decode(text)
    if raw is None:
        return None
    body, mac = raw[: BODY.size], raw[BODY.size :]
    version, key_generation, family, generation, salt = BODY.unpack(body)
    try:
        key = secrets.derive(Purpose.REFRESH_TOKEN, key_generation)
    except UnknownGeneration:
        return None
    if version != VERSION or not has_good_mac(key, body, client_id, mac):
        return None
    return RefreshToken(UUID(bytes=family), min(generation, LAST_GENERATION), salt)


def decode(text: str) -> bytes | None:
    if not text.startswith(PREFIX) or not text.isascii():
        return None
    encoded = text.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return raw if len(raw) == BODY.size + MAC_BYTES else None


def compute_mac(key: bytes, body: bytes, client_id: str) -> bytes:
    return hmac.digest(key, body + client_id.encode(), "sha256")


def has_good_mac(key: bytes, body: bytes, client_id: str, mac: bytes) -> bool:
    return hmac.compare_digest(compute_mac(key, body, client_id), mac)
