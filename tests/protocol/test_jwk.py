from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from parts.rfc_vectors import (
    EDDSA_PRIVATE_JWK,
    EDDSA_THUMBPRINT,
    ES256_PRIVATE_JWK,
    RFC7638_JWK,
    RFC7638_THUMBPRINT,
    RS256_PRIVATE_JWK,
)

from keywright.protocol import jwk
from keywright.protocol.jwk import Algorithm, InvalidJwk

PRIVATE_JWKS = [ES256_PRIVATE_JWK, EDDSA_PRIVATE_JWK, RS256_PRIVATE_JWK]
ES256_PUBLIC_JWK = {name: ES256_PRIVATE_JWK[name] for name in ("kty", "crv", "x", "y")}
EDDSA_PUBLIC_JWK = {name: EDDSA_PRIVATE_JWK[name] for name in ("kty", "crv", "x")}


def test_thumbprint_of_rfc_7638() -> None:
    assert jwk.thumbprint(RFC7638_JWK) == RFC7638_THUMBPRINT
    assert jwk.read_public_jwk(RFC7638_JWK).thumbprint == RFC7638_THUMBPRINT


def test_thumbprint_of_rfc_8037() -> None:
    assert jwk.read_public_jwk(EDDSA_PUBLIC_JWK).thumbprint == EDDSA_THUMBPRINT


@pytest.mark.parametrize("document", PRIVATE_JWKS, ids=lambda document: document["kty"])
def test_private_keys_of_the_rfcs_are_read_and_written_unchanged(document: dict[str, str]) -> None:
    key = jwk.read_private_jwk(document)
    written = jwk.write_private_jwk(key)
    assert written == {
        **document,
        "alg": key.public.algorithm,
        "kid": key.public.thumbprint,
        "use": "sig",
    }


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_generated_key_survives_storage(algorithm: Algorithm) -> None:
    key = jwk.generate(algorithm)
    again = jwk.read_private_jwk(json.loads(json.dumps(jwk.write_private_jwk(key))))
    assert again.public.algorithm is algorithm
    assert again.public.kid == key.public.kid == key.public.thumbprint


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_public_jwk_holds_nothing_private(algorithm: Algorithm) -> None:
    public = jwk.write_public_jwk(jwk.generate(algorithm).public)
    assert set(public) <= {"kid", "alg", "use", "kty", "crv", "x", "y", "n", "e"}


def test_a_key_keeps_the_id_that_it_was_given() -> None:
    assert jwk.read_public_jwk(RFC7638_JWK).kid == "2011-04-29"
    assert jwk.read_public_jwk(ES256_PUBLIC_JWK | {"kid": "mine"}).kid == "mine"


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": None},
        {"kty": ["EC"]},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"x": None},
        {"x": 7},
        {"x": "é"},
        {"x": "AAAA"},
        {"x": ES256_PUBLIC_JWK["y"]},
        {"x": ES256_PUBLIC_JWK["x"] + "="},
        {"kid": 7},
        {"use": "enc"},
        {"alg": "ES384"},
        {"alg": "HS256"},
        {"key_ops": ["deriveKey"]},
        {"key_ops": "verify"},
    ],
    ids=str,
)
def test_a_jwk_that_cannot_verify_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidJwk):
        jwk.read_public_jwk(ES256_PUBLIC_JWK | changes)


@pytest.mark.parametrize("x", ["", "AAAA"])
def test_an_ed25519_key_of_another_length_is_refused(x: str) -> None:
    with pytest.raises(InvalidJwk):
        jwk.read_public_jwk(EDDSA_PUBLIC_JWK | {"x": x})


def test_a_short_rsa_key_is_refused() -> None:
    short = rsa.generate_private_key(65537, 1024).public_key()
    with pytest.raises(InvalidJwk, match="2048"):
        jwk.read_public_jwk(jwk.write_public_jwk(jwk.public_key(short)))


@pytest.mark.parametrize("document", PRIVATE_JWKS, ids=lambda document: document["kty"])
def test_a_private_half_of_another_key_is_refused(document: dict[str, str]) -> None:
    other = jwk.generate(jwk.read_public_jwk(document).algorithm)
    with pytest.raises(InvalidJwk):
        jwk.read_private_jwk(document | jwk.private_members(other.material))


@pytest.mark.parametrize("document", PRIVATE_JWKS, ids=lambda document: document["kty"])
def test_a_public_key_is_no_private_one(document: dict[str, str]) -> None:
    with pytest.raises(InvalidJwk):
        jwk.read_private_jwk({name: document[name] for name in document if name != "d"})


def test_a_set_is_read_without_the_keys_that_we_cannot_use() -> None:
    document = {
        "keys": [
            {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
            "text",
            ES256_PUBLIC_JWK | {"kid": "one"},
            {"kty": "EC", "crv": "P-521", "kid": "large"},
            EDDSA_PUBLIC_JWK | {"kid": "two"},
        ]
    }
    assert list(jwk.read_jwks(document)) == ["one", "two"]


def test_of_two_keys_with_one_id_the_first_counts() -> None:
    document = {"keys": [ES256_PUBLIC_JWK | {"kid": "a"}, EDDSA_PUBLIC_JWK | {"kid": "a"}]}
    assert jwk.read_jwks(document)["a"].algorithm is Algorithm.ES256


@pytest.mark.parametrize("document", [None, [], "keys", {}, {"keys": {}}, {"keys": None}], ids=str)
def test_what_is_no_set_is_refused(document: Any) -> None:
    with pytest.raises(InvalidJwk, match="keys"):
        jwk.read_jwks(document)
