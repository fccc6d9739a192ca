"""Vectors, and what is wrong with a token beyond the rules of tests/security."""

from __future__ import annotations

import json
from typing import Any

import pytest
from parts.rfc_vectors import (
    EDDSA_PAYLOAD,
    EDDSA_PRIVATE_JWK,
    EDDSA_TOKEN,
    ES256_PRIVATE_JWK,
    ES256_TOKEN,
    RFC7515_PAYLOAD,
    RS256_PRIVATE_JWK,
    RS256_TOKEN,
)
from parts.tokens import encode_part

from keywright.protocol import base64url, jwk, jws
from keywright.protocol.errors import InvalidToken, Reason
from keywright.protocol.jwk import Algorithm

VECTORS = [
    pytest.param(RS256_PRIVATE_JWK, RS256_TOKEN, RFC7515_PAYLOAD, id="RFC 7515 A.2"),
    pytest.param(ES256_PRIVATE_JWK, ES256_TOKEN, RFC7515_PAYLOAD, id="RFC 7515 A.3"),
    pytest.param(EDDSA_PRIVATE_JWK, EDDSA_TOKEN, EDDSA_PAYLOAD, id="RFC 8037 A.5"),
]
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def refusal(token: str, key: jwk.PublicKey | None = None) -> Reason:
    with pytest.raises(InvalidToken) as refused:
        jws.verify(token, key) if key else jws.parse(token)
    return refused.value.reason


@pytest.fixture
def key() -> jwk.PrivateKey:
    return jwk.generate(Algorithm.ES256)


@pytest.mark.parametrize(("private", "token", "payload"), VECTORS)
def test_tokens_of_the_rfcs_verify(private: dict[str, str], token: str, payload: bytes) -> None:
    key = jwk.read_public_jwk(private)
    assert jws.verify(token, key).payload == payload


@pytest.mark.parametrize(("private", "token", "payload"), [VECTORS[0], VECTORS[2]])
def test_deterministic_signatures_are_those_of_the_rfcs(
    private: dict[str, str], token: str, payload: bytes
) -> None:
    key = jwk.read_private_jwk(private)
    assert jws.sign_with_header({"alg": key.public.algorithm}, payload, key) == token


@pytest.mark.parametrize("algorithm", Algorithm)
def test_what_was_signed_verifies(algorithm: Algorithm) -> None:
    key = jwk.generate(algorithm)
    verified = jws.verify(jws.sign(b"payload", key, typ="at+jwt"), key.public)
    assert verified.payload == b"payload"
    assert verified.header == {"alg": algorithm, "kid": key.public.kid, "typ": "at+jwt"}


@pytest.mark.parametrize("algorithm", Algorithm)
def test_another_key_does_not_verify(algorithm: Algorithm) -> None:
    token = jws.sign(b"payload", jwk.generate(algorithm), typ="at+jwt")
    assert refusal(token, jwk.generate(algorithm).public) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(("private", "token", "payload"), VECTORS)
def test_a_changed_payload_does_not_verify(
    private: dict[str, str], token: str, payload: bytes
) -> None:
    header, _, signature = token.split(".")
    changed = base64url.encode(payload.replace(b"e", b"3")).decode()
    forged = f"{header}.{changed}.{signature}"
    assert refusal(forged, jwk.read_public_jwk(private)) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("length", [0, 1, 63, 65, 70])
def test_a_signature_of_another_length_does_not_verify(key: jwk.PrivateKey, length: int) -> None:
    signing_input = jws.sign(b"payload", key, typ="at+jwt").rpartition(".")[0]
    token = f"{signing_input}.{base64url.encode(b'1' * length).decode()}"
    assert refusal(token, key.public) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("r", [0, 1, P256_ORDER, P256_ORDER + 1, 2**256 - 1])
@pytest.mark.parametrize("s", [0, 1, P256_ORDER])
def test_ecdsa_numbers_out_of_range_do_not_verify(key: jwk.PrivateKey, r: int, s: int) -> None:
    """An all-zero signature verified for anything in some Java versions (CVE-2022-21449)."""
    signing_input = jws.sign(b"payload", key, typ="at+jwt").rpartition(".")[0]
    signature = base64url.encode(r.to_bytes(32) + s.to_bytes(32)).decode()
    assert refusal(f"{signing_input}.{signature}", key.public) is Reason.BAD_SIGNATURE


def test_a_der_signature_does_not_verify(key: jwk.PrivateKey) -> None:
    """RFC 7518 §3.4: r and s, 32 bytes each."""
    signing_input = jws.sign(b"payload", key, typ="at+jwt").rpartition(".")[0]
    der = jws.write_der(jws.make_signature(signing_input.encode(), key))
    token = f"{signing_input}.{base64url.encode(der).decode()}"
    assert refusal(token, key.public) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    "header",
    [b"", b"null", b"[]", b'"text"', b"{", b"{}x", b"\xff{}", b'{"alg":', b"{'alg':'ES256'}"],
    ids=repr,
)
def test_a_header_that_is_no_json_object_is_malformed(header: bytes) -> None:
    assert refusal(f"{base64url.encode(header).decode()}.e30.e30") is Reason.MALFORMED


def test_a_header_in_another_encoding_is_malformed() -> None:
    header = base64url.encode('{"alg":"ES256"}'.encode("utf-16")).decode()
    assert refusal(f"{header}.e30.e30") is Reason.MALFORMED


def test_a_byte_order_mark_is_malformed() -> None:
    header = base64url.encode('\ufeff{"alg":"ES256"}'.encode()).decode()
    assert refusal(f"{header}.e30.e30") is Reason.MALFORMED


def test_deep_json_is_malformed_and_not_a_crash() -> None:
    deep = base64url.encode(b'{"a":' + b"[" * 10_000).decode()
    assert refusal(f"{deep}.e30.e30") is Reason.MALFORMED


def test_an_endless_number_is_malformed() -> None:
    header = base64url.encode(b'{"alg":' + b"9" * 10_000 + b"}").decode()
    assert refusal(f"{header}.e30.e30") is Reason.MALFORMED


@pytest.mark.parametrize(
    "kid", [7, ["a"], {"a": 1}, None, True, "a\n", "a\x00", "\ud800", "k" * 256]
)
def test_a_key_id_that_is_no_short_text_is_refused(kid: Any) -> None:
    part = base64url.encode(json.dumps({"alg": "ES256", "kid": kid}).encode()).decode()
    assert refusal(f"{part}.e30.e30") is Reason.INVALID_KEY_ID


def test_a_token_without_key_id_finds_no_key(key: jwk.PrivateKey) -> None:
    parsed = jws.parse(f"{encode_part({'alg': 'ES256'})}.e30.e30")
    with pytest.raises(InvalidToken) as refused:
        jws.find_key(parsed, {key.public.kid: key.public})
    assert refused.value.reason is Reason.UNKNOWN_KEY


@pytest.mark.parametrize("token", ["", ".", "..", "a", "a.b", "é.é.é", "a.b.c\u2028"], ids=repr)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert refusal(token) in {Reason.MALFORMED, Reason.NOT_CANONICAL}


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"])
def test_types_are_compared_as_media_types(key: jwk.PrivateKey, typ: str) -> None:
    """RFC 7515 §4.1.9."""
    jws.refuse_other_type(jws.parse(jws.sign(b"{}", key, typ=typ)), "at+jwt")


def test_the_payload_cannot_hold_what_json_cannot() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        jws.write_object({"exp": float("inf")})
