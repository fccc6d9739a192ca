"""JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037 §2) of the three kinds that we know.

A key has exactly one algorithm, told by its kind. Its thumbprint (RFC 7638) names it, and is its
`kid` unless the JWK brings another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keywright.protocol import base64url
from keywright.protocol.errors import InvalidToken

P256_LENGTH = 32
RSA_BITS = 3072
RSA_BITS_ACCEPTED = range(2048, 8193)  # RFC 7518 §3.3; beyond, a key only costs its verifier time
RSA_EXPONENT = 65_537

PublicMaterial = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
PrivateMaterial = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class Algorithm(StrEnum):
    """What we sign and verify with (RFC 7518 §3.1, RFC 8037 §3.1)."""

    ES256 = "ES256"
    EDDSA = "EdDSA"
    RS256 = "RS256"


class InvalidJwk(ValueError):
    """A JWK that is malformed, weak, or of a kind that we do not use."""


@dataclass(frozen=True, slots=True, eq=False)
class PublicKey:
    algorithm: Algorithm
    kid: str
    thumbprint: str
    material: PublicMaterial


@dataclass(frozen=True, slots=True, eq=False)
class PrivateKey:
    public: PublicKey
    material: PrivateMaterial


def generate(algorithm: Algorithm) -> PrivateKey:
    """A new key; its `kid` is its thumbprint. RS256 takes about a tenth of a second."""
    match algorithm:
        case Algorithm.ES256:
            return private_key(ec.generate_private_key(ec.SECP256R1()))
        case Algorithm.EDDSA:
            return private_key(ed25519.Ed25519PrivateKey.generate())
        case Algorithm.RS256:
            return private_key(rsa.generate_private_key(RSA_EXPONENT, RSA_BITS))


def private_key(material: PrivateMaterial, *, kid: str | None = None) -> PrivateKey:
    return PrivateKey(public_key(material.public_key(), kid=kid), material)


def public_key(material: PublicMaterial, *, kid: str | None = None) -> PublicKey:
    name = thumbprint(public_members(material))
    return PublicKey(algorithm_of(material), kid or name, name, material)


def algorithm_of(material: PublicMaterial) -> Algorithm:
    if isinstance(material, ec.EllipticCurvePublicKey):
        return Algorithm.ES256
    if isinstance(material, ed25519.Ed25519PublicKey):
        return Algorithm.EDDSA
    return Algorithm.RS256


def thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638 §3: SHA-256 over the required members, sorted, without white space."""
    required = {name: jwk[name] for name in ("crv", "e", "kty", "n", "x", "y") if name in jwk}
    canonical = json.dumps(required, separators=(",", ":"), ensure_ascii=False)
    return base64url.encode(hashlib.sha256(canonical.encode()).digest()).decode()


def write_public_jwk(key: PublicKey) -> dict[str, str]:
    return {
        "kid": key.kid,
        "alg": key.algorithm.value,
        "use": "sig",
        **public_members(key.material),
    }


def write_private_jwk(key: PrivateKey) -> dict[str, str]:
    return {**write_public_jwk(key.public), **private_members(key.material)}


def public_members(material: PublicMaterial) -> dict[str, str]:
    if isinstance(material, ec.EllipticCurvePublicKey):
        point = material.public_numbers()
        x, y = (write_integer(value, P256_LENGTH) for value in (point.x, point.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    if isinstance(material, ed25519.Ed25519PublicKey):
        x = base64url.encode(material.public_bytes_raw()).decode()
        return {"kty": "OKP", "crv": "Ed25519", "x": x}
    numbers = material.public_numbers()
    return {"kty": "RSA", "n": write_integer(numbers.n), "e": write_integer(numbers.e)}


def private_members(material: PrivateMaterial) -> dict[str, str]:
    if isinstance(material, ec.EllipticCurvePrivateKey):
        return {"d": write_integer(material.private_numbers().private_value, P256_LENGTH)}
    if isinstance(material, ed25519.Ed25519PrivateKey):
        return {"d": base64url.encode(material.private_bytes_raw()).decode()}
    numbers = material.private_numbers()
    return {
        "d": write_integer(numbers.d),
        "p": write_integer(numbers.p),
        "q": write_integer(numbers.q),
        "dp": write_integer(numbers.dmp1),
        "dq": write_integer(numbers.dmq1),
        "qi": write_integer(numbers.iqmp),
    }


def read_public_jwk(jwk: Mapping[str, Any]) -> PublicKey:
    """Raises `InvalidJwk`."""
    try:
        key = public_key(read_public_material(jwk), kid=read_kid(jwk))
    except (UnsupportedAlgorithm, ValueError) as error:
        raise InvalidJwk(str(error)) from None
    refuse_other_use(jwk, key.algorithm)
    refuse_unsafe_size(key.material)
    return key


def read_private_jwk(jwk: Mapping[str, Any]) -> PrivateKey:
    """Raises `InvalidJwk`, also when the private half does not belong to the public one."""
    public = read_public_jwk(jwk)
    try:
        key = private_key(read_private_material(jwk, public.material), kid=public.kid)
    except (UnsupportedAlgorithm, ValueError) as error:
        raise InvalidJwk(str(error)) from None
    if key.public.thumbprint != public.thumbprint:
        raise InvalidJwk("the private key belongs to another public key")
    return key


def read_jwks(document: Any) -> dict[str, PublicKey]:
    """The keys of a JWK Set by `kid`, without those that we cannot use (RFC 7517 §5).

    Raises `InvalidJwk` when the document is no JWK Set.
    """
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise InvalidJwk("a JWK Set is an object with a list of `keys`")
    usable: dict[str, PublicKey] = {}
    for member in members:
        try:
            key = read_public_jwk(member if isinstance(member, dict) else {})
        except InvalidJwk:
            continue
        usable.setdefault(key.kid, key)
    return usable


def read_public_material(jwk: Mapping[str, Any]) -> PublicMaterial:
    match jwk.get("kty"), jwk.get("crv"):
        case "EC", "P-256":
            x, y = read_integer(jwk, "x", P256_LENGTH), read_integer(jwk, "y", P256_LENGTH)
            return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        case "OKP", "Ed25519":
            return ed25519.Ed25519PublicKey.from_public_bytes(read_bytes(jwk, "x"))
        case "RSA", None:
            return rsa.RSAPublicNumbers(read_integer(jwk, "e"), read_integer(jwk, "n")).public_key()
        case _:
            raise InvalidJwk("a key is EC P-256, OKP Ed25519 or RSA")


def read_private_material(jwk: Mapping[str, Any], public: PublicMaterial) -> PrivateMaterial:
    if isinstance(public, ec.EllipticCurvePublicKey):
        d = read_integer(jwk, "d", P256_LENGTH)
        return ec.EllipticCurvePrivateNumbers(d, public.public_numbers()).private_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return ed25519.Ed25519PrivateKey.from_private_bytes(read_bytes(jwk, "d"))
    p, q, d, dp, dq, qi = (read_integer(jwk, name) for name in ("p", "q", "d", "dp", "dq", "qi"))
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public.public_numbers()).private_key()


def refuse_other_use(jwk: Mapping[str, Any], algorithm: Algorithm) -> None:
    """A key for encryption, or for another algorithm, verifies no signature (RFC 7517 §4.2–4.4)."""
    operations = jwk.get("key_ops", ["verify", "sign"])
    if (
        jwk.get("use", "sig") != "sig"
        or jwk.get("alg", algorithm) != algorithm
        or not isinstance(operations, list)
        or not {"verify", "sign"}.intersection(map(str, operations))
    ):
        raise InvalidJwk(f"this key is not for {algorithm} signatures")


def refuse_unsafe_size(material: PublicMaterial) -> None:
    if isinstance(material, rsa.RSAPublicKey) and material.key_size not in RSA_BITS_ACCEPTED:
        raise InvalidJwk("an RSA key has 2048 to 8192 bits")


def read_kid(jwk: Mapping[str, Any]) -> str | None:
    kid = jwk.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise InvalidJwk("`kid` is text")
    return kid


def read_bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str) or not value.isascii():
        raise InvalidJwk(f"`{name}` is missing")
    try:
        return base64url.decode(value.encode())
    except InvalidToken:
        raise InvalidJwk(f"`{name}` is not base64url") from None


def read_integer(jwk: Mapping[str, Any], name: str, length: int | None = None) -> int:
    data = read_bytes(jwk, name)
    if length is not None and len(data) != length:
        raise InvalidJwk(f"`{name}` has {length} bytes (RFC 7518 §6.2.1)")
    return int.from_bytes(data)


def write_integer(value: int, length: int | None = None) -> str:
    return base64url.encode(value.to_bytes(length or (value.bit_length() + 7) // 8)).decode()
