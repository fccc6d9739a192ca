"""Compact JSON Web Signatures (RFC 7515) with ES256, EdDSA (Ed25519, RFC 8037) and RS256.

The key decides the algorithm; a token's header may only repeat it. Each thing that a token may not
do is one function that refuses it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

from keywright.protocol import base64url
from keywright.protocol.errors import InvalidToken, Reason
from keywright.protocol.jwk import P256_LENGTH, Algorithm, PrivateKey, PublicKey

MAX_LENGTH = 16_384
MAX_KID_LENGTH = 255
ALLOWED_ALGORITHMS = frozenset(algorithm.value for algorithm in Algorithm)
ECDSA = ec.ECDSA(SHA256())
EMBEDDED_KEYS = ("jku", "jwk", "x5u", "x5c")  # RFC 7515 §4.1.2, 4.1.3, 4.1.5, 4.1.6


class Jws(NamedTuple):
    """A token of three parts and a good header. Its signature is not verified yet."""

    header: Mapping[str, Any]
    encoded: bytes
    encoded_payload: bytes
    encoded_signature: bytes

    @property
    def kid(self) -> str | None:
        return self.header.get("kid")

    @property
    def signing_input(self) -> bytes:
        return self.encoded.rpartition(b".")[0]

    @property
    def payload(self) -> bytes:
        """For after `check_signature`, which asks for its canonical spelling. Every request reads
        a token, and asking again would cost more than reading.
        """
        return base64url.read(self.encoded_payload)


def sign(payload: bytes, key: PrivateKey, *, typ: str) -> str:
    return sign_after(write_header(key.public.algorithm, key.public.kid, typ), payload, key)


def sign_with_header(header: Mapping[str, Any], payload: bytes, key: PrivateKey) -> str:
    return sign_after(base64url.encode(write_object(header)), payload, key)


@functools.lru_cache(maxsize=64)
def write_header(algorithm: Algorithm, kid: str, typ: str) -> bytes:
    """All tokens of one kind and key share this part."""
    return base64url.encode(write_object({"alg": algorithm.value, "kid": kid, "typ": typ}))


def sign_after(encoded_header: bytes, payload: bytes, key: PrivateKey) -> str:
    signing_input = encoded_header + b"." + base64url.encode(payload)
    signature = base64url.encode(make_signature(signing_input, key))
    return (signing_input + b"." + signature).decode()


def verify(token: str, key: PublicKey) -> Jws:
    """Raises `InvalidToken`. What the payload says, and its `typ`, is still to be checked."""
    jws = parse(token)
    check_signature(jws, key)
    return jws


def parse(token: str) -> Jws:
    """Raises `InvalidToken` for whatever is wrong before a key is chosen."""
    refuse_oversized(token)
    refuse_other_part_count(token)
    refuse_other_alphabet(token)
    encoded = token.encode()
    header, payload, signature = encoded.split(b".")
    return Jws(read_header(header), encoded, payload, signature)


@functools.lru_cache(maxsize=64)
def read_header(encoded: bytes) -> Mapping[str, Any]:
    """All tokens of one kind and key share this part. Only headers that passed are kept."""
    header = read_object(base64url.decode(encoded))
    refuse_other_algorithms(header)
    refuse_embedded_keys(header)
    refuse_unknown_critical(header)
    refuse_unencoded_payload(header)
    refuse_invalid_key_id(header)
    return MappingProxyType(header)


def check_signature(jws: Jws, key: PublicKey) -> None:
    base64url.decode(jws.encoded_payload)
    refuse_algorithm_of_another_key(jws, key)
    refuse_bad_signature(jws, key)


def find_key(jws: Jws, keys: Mapping[str, PublicKey]) -> PublicKey:
    """The key that `kid` names exactly. A token without `kid` has none."""
    key = keys.get(jws.kid) if jws.kid is not None else None
    if key is None:
        raise InvalidToken(Reason.UNKNOWN_KEY)
    return key


def refuse_oversized(token: str) -> None:
    if len(token) > MAX_LENGTH:
        raise InvalidToken(Reason.OVERSIZED)


def refuse_other_part_count(token: str) -> None:
    """Three parts (RFC 7515 §7.1): JWE has five, and four are nothing."""
    if token.count(".") != 2:  # noqa: PLR2004 - three parts, two dots
        raise InvalidToken(Reason.MALFORMED)


def refuse_other_alphabet(token: str) -> None:
    if not token.isascii():
        raise InvalidToken(Reason.MALFORMED)


def read_object(data: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8 whose members all have names of their own."""
    try:
        value = DECODER.decode(data.decode())
    except (ValueError, RecursionError):
        raise InvalidToken(Reason.MALFORMED) from None
    if not isinstance(value, dict):
        raise InvalidToken(Reason.MALFORMED)
    return value


def write_object(members: Mapping[str, Any]) -> bytes:
    return ENCODER.encode(members).encode()


def read_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    refuse_duplicates(pairs, members)
    return members


def refuse_duplicates(pairs: list[tuple[str, Any]], members: Mapping[str, Any]) -> None:
    """RFC 7515 §4 lets a parser take the last of two equal names; two readers could differ."""
    if len(members) != len(pairs):
        raise InvalidToken(Reason.DUPLICATE_MEMBER)


DECODER = json.JSONDecoder(object_pairs_hook=read_members)
ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def refuse_other_algorithms(header: Mapping[str, Any]) -> None:
    """`none`, HMAC under a public key, and all that is not on our list."""
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALLOWED_ALGORITHMS:
        raise InvalidToken(Reason.ALGORITHM_NOT_ALLOWED)


def refuse_embedded_keys(header: Mapping[str, Any]) -> None:
    """A token does not bring the key that verifies it, nor the address of one."""
    if any(name in header for name in EMBEDDED_KEYS):
        raise InvalidToken(Reason.EMBEDDED_KEY)


def refuse_unknown_critical(header: Mapping[str, Any]) -> None:
    """RFC 7515 §4.1.11. We know no extension, so there is none that may be critical."""
    if "crit" in header:
        raise InvalidToken(Reason.UNKNOWN_CRITICAL)


def refuse_unencoded_payload(header: Mapping[str, Any]) -> None:
    """RFC 7797 would let the payload be read in two ways."""
    if "b64" in header:
        raise InvalidToken(Reason.UNENCODED_PAYLOAD)


def refuse_invalid_key_id(header: Mapping[str, Any]) -> None:
    """`kid` is a name to compare, never a path, a query or an address, and is always text."""
    kid = header.get("kid", "")
    if not isinstance(kid, str) or len(kid) > MAX_KID_LENGTH or not kid.isprintable():
        raise InvalidToken(Reason.INVALID_KEY_ID)


def refuse_other_type(jws: Jws, typ: str) -> None:
    """`typ` keeps one kind of token out of another's place (RFC 8725 §3.11)."""
    found = jws.header.get("typ")
    if found == typ:
        return
    if not isinstance(found, str) or media_type(found) != media_type(typ):
        raise InvalidToken(Reason.WRONG_TYPE)


def media_type(typ: str) -> str:
    """RFC 7515 §4.1.9: case does not matter, and `application/` may be left out."""
    return typ.lower().removeprefix("application/")


def refuse_algorithm_of_another_key(jws: Jws, key: PublicKey) -> None:
    if jws.header["alg"] != key.algorithm:
        raise InvalidToken(Reason.ALGORITHM_MISMATCH)


def refuse_bad_signature(jws: Jws, key: PublicKey) -> None:
    try:
        verify_signature(jws, key)
    except InvalidSignature:
        raise InvalidToken(Reason.BAD_SIGNATURE) from None


def verify_signature(jws: Jws, key: PublicKey) -> None:
    """Raises cryptography's `InvalidSignature`."""
    material, signature = key.material, base64url.decode(jws.encoded_signature)
    if isinstance(material, ec.EllipticCurvePublicKey):
        material.verify(write_der(signature), jws.signing_input, ECDSA)
    elif isinstance(material, ed25519.Ed25519PublicKey):
        material.verify(signature, jws.signing_input)
    else:
        material.verify(signature, jws.signing_input, padding.PKCS1v15(), SHA256())


def make_signature(signing_input: bytes, key: PrivateKey) -> bytes:
    material = key.material
    if isinstance(material, ec.EllipticCurvePrivateKey):
        return read_der(material.sign(signing_input, ECDSA))
    if isinstance(material, ed25519.Ed25519PrivateKey):
        return material.sign(signing_input)
    return material.sign(signing_input, padding.PKCS1v15(), SHA256())


def write_der(signature: bytes) -> bytes:
    """JOSE writes r ‖ s in 32 bytes each (RFC 7518 §3.4), the library wants DER."""
    if len(signature) != 2 * P256_LENGTH:
        raise InvalidSignature
    r, s = signature[:P256_LENGTH], signature[P256_LENGTH:]
    return encode_dss_signature(int.from_bytes(r), int.from_bytes(s))


def read_der(signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    return r.to_bytes(P256_LENGTH) + s.to_bytes(P256_LENGTH)
