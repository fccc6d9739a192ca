"""What the floor hands out: signed access tokens, refresh tokens, password hashes."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from time import time
from uuid import UUID

import msgspec
from argon2.low_level import Type, hash_secret
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from benchmarks.subject import ARGON2_ITERATIONS, ARGON2_LANES, ARGON2_MEMORY_KIB

ISSUER = "https://floor.bench.example"
ACCESS_SECONDS = 86_400
REFRESH_PREFIX = "kwr_"
ID_BYTES = 16
KEY_ID = "floor"
ECDSA = ec.ECDSA(SHA256())
to_json = msgspec.json.Encoder().encode


class Refused(Exception):
    """The credential is not good."""


class Claims(msgspec.Struct, omit_defaults=True):
    """RFC 9068 §2.2."""

    iss: str
    aud: str
    sub: str
    client_id: str
    jti: str
    iat: int
    exp: int
    scope: str = ""
    sid: str = ""
    auth_time: int = 0
    amr: list[str] = []


class Signer:
    """ES256 with one key, whose header is the same in every token."""

    def __init__(self, pem: bytes) -> None:
        key = load_pem_private_key(pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key, self._public = key, key.public_key()
        header = {"alg": "ES256", "kid": KEY_ID, "typ": "at+jwt"}
        self._header = encode(to_json(header)) + b"."
        self._read = msgspec.json.Decoder(Claims).decode
        numbers = self._public.public_numbers()
        x, y = (encode(n.to_bytes(32)).decode() for n in (numbers.x, numbers.y))
        jwk = {"kid": KEY_ID, "alg": "ES256", "use": "sig", "kty": "EC", "crv": "P-256"}
        self.jwks = to_json({"keys": [{**jwk, "x": x, "y": y}]})

    def sign(self, claims: Claims) -> str:
        signed = self._header + encode(to_json(claims))
        r, s = decode_dss_signature(self._key.sign(signed, ECDSA))
        return (signed + b"." + encode(r.to_bytes(32) + s.to_bytes(32))).decode()

    def verify(self, token: bytes) -> None:
        signed, _, signature = token.rpartition(b".")
        raw = decode(signature)
        r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
        try:
            self._public.verify(encode_dss_signature(r, s), signed, ECDSA)
        except InvalidSignature:
            raise Refused from None

    def read(self, token: bytes, now: float) -> Claims:
        header, _, rest = token.partition(b".")
        if header != self._header[:-1]:
            raise Refused
        try:
            claims = self._read(decode(rest.partition(b".")[0]))
        except ValueError:
            raise Refused from None
        if claims.iss != ISSUER or claims.aud != ISSUER or claims.exp <= now:
            raise Refused
        return claims


def access_claims(user_id: UUID, session_id: bytes, now: int, auth_time: int) -> Claims:
    return Claims(
        ISSUER,
        ISSUER,
        str(user_id),
        "keywright",
        encode(os.urandom(12)).decode(),
        now,
        now + ACCESS_SECONDS,
        sid=str(UUID(bytes=session_id)),
        auth_time=auth_time,
        amr=["pwd"],
    )


def client_claims(client_id: str, scopes: str, now: int) -> Claims:
    jti = encode(os.urandom(12)).decode()
    return Claims(ISSUER, ISSUER, client_id, client_id, jti, now, now + ACCESS_SECONDS, scopes)


def new_id() -> bytes:
    """Like a UUIDv7: rows of one time stand beside each other."""
    return int(time() * 1000).to_bytes(6) + os.urandom(10)


def hash_password(password: str) -> bytes:
    costs = (ARGON2_ITERATIONS, ARGON2_MEMORY_KIB, ARGON2_LANES)
    return hash_secret(password.encode(), os.urandom(16), *costs, 32, Type.ID)


def write_refresh_token(session_id: bytes, secret: bytes) -> str:
    return REFRESH_PREFIX + encode(session_id + secret).decode()


def read_refresh_token(token: str) -> tuple[bytes, bytes]:
    raw = decode(token.removeprefix(REFRESH_PREFIX).encode())
    return raw[:ID_BYTES], raw[ID_BYTES:]


def encode(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def decode(text: bytes) -> bytes:
    try:
        return urlsafe_b64decode(text + b"==")
    except ValueError:
        raise Refused from None
