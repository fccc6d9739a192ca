"""security.md, "Tokens, sessions, grants": what an access token may not do, one test a rule.

Each token here is signed by the right key unless the rule is about that, so that only the rule's
own check stands in its way.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from parts.tokens import (
    AUDIENCE,
    ISSUER,
    NOW,
    access_claims,
    by_kid,
    encode_part,
    forge_token,
    jwks_of,
    sign_token,
)

import keywright.verify
from keywright.core.clock import ManualClock
from keywright.core.errors import ConfigurationError
from keywright.protocol import base64url, jwk, jws
from keywright.protocol.access_token import ACCESS_TOKEN_TYPE, check_claims, verify_signature
from keywright.protocol.errors import InvalidToken, Reason
from keywright.protocol.jwk import Algorithm, PrivateKey
from keywright.protocol.verified_tokens import VerifiedTokens
from keywright.verify import TokenVerifier

KEY = jwk.generate(Algorithm.ES256)
OTHER = jwk.generate(Algorithm.ES256)


def refusal(token: str, *keys: PrivateKey) -> Reason:
    with pytest.raises(InvalidToken) as refused:
        verify_signature(token, by_kid(*(keys or (KEY,))))
    return refused.value.reason


def refusal_of(claims: dict[str, Any], **changes: Any) -> Reason:
    with pytest.raises(InvalidToken) as refused:
        check_claims(claims, **{"issuer": ISSUER, "audience": AUDIENCE, "now": NOW, **changes})
    return refused.value.reason


def test_a_token_with_alg_none_is_refused() -> None:
    header = {"alg": "none", "kid": KEY.public.kid, "typ": ACCESS_TOKEN_TYPE}
    unsigned = f"{encode_part(header)}.{encode_part(access_claims())}."
    assert refusal(unsigned) is Reason.ALGORITHM_NOT_ALLOWED


@pytest.mark.parametrize(
    "algorithm", ["None", "NONE", "nOnE", "", None, ["ES256"], "es256", "PS256"]
)
def test_an_algorithm_off_the_list_is_refused(algorithm: Any) -> None:
    assert refusal(forge_token(KEY, {"alg": algorithm})) is Reason.ALGORITHM_NOT_ALLOWED


@pytest.mark.parametrize("spelling", ["pem", "der", "jwk x"])
def test_an_hmac_under_the_public_key_is_refused(spelling: str) -> None:
    material = KEY.public.material
    secret = {
        "pem": material.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk x": jwk.write_public_jwk(KEY.public)["x"].encode(),
    }[spelling]
    header = {"alg": "HS256", "kid": KEY.public.kid, "typ": ACCESS_TOKEN_TYPE}
    signing_input = f"{encode_part(header)}.{encode_part(access_claims())}"
    mac = hmac.digest(secret, signing_input.encode(), "sha256")
    token = f"{signing_input}.{base64url.encode(mac).decode()}"
    assert refusal(token) is Reason.ALGORITHM_NOT_ALLOWED


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
def test_a_token_cannot_choose_another_algorithm_than_its_key_has(algorithm: str) -> None:
    assert refusal(forge_token(KEY, {"alg": algorithm})) is Reason.ALGORITHM_MISMATCH


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_token_that_another_key_signed_is_refused(algorithm: Algorithm) -> None:
    real, forger = jwk.generate(algorithm), jwk.generate(algorithm)
    assert refusal(forge_token(forger, {"kid": real.public.kid}), real) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": jwk.write_public_jwk(OTHER.public)},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/chain.pem"},
        {"x5c": ["MIIB"]},
        {"jwk": None},
    ],
    ids=lambda header: next(iter(header)),
)
def test_a_token_that_brings_a_key_or_its_address_is_refused(header: dict[str, Any]) -> None:
    assert refusal(forge_token(KEY, header)) is Reason.EMBEDDED_KEY


@pytest.mark.parametrize("critical", [["exp"], ["b64"], ["http://example.com/x"], [], None, "exp"])
def test_a_token_with_a_critical_extension_is_refused(critical: Any) -> None:
    assert refusal(forge_token(KEY, {"crit": critical})) is Reason.UNKNOWN_CRITICAL


@pytest.mark.parametrize("b64", [False, True])
def test_a_token_with_an_unencoded_payload_is_refused(b64: bool) -> None:
    assert refusal(forge_token(KEY, {"b64": b64})) is Reason.UNENCODED_PAYLOAD


@pytest.mark.parametrize("kid", [["a"], {"a": "b"}, 0, "\x00", "k" * 256])
def test_a_key_id_that_is_no_plain_name_is_refused(kid: Any) -> None:
    assert refusal(forge_token(KEY, {"kid": kid})) is Reason.INVALID_KEY_ID


@pytest.mark.parametrize(
    "kid",
    [
        "",
        "../../../../dev/null",
        "https://evil.example/key",
        "' OR '1'='1",
        "*",
        pytest.param(KEY.public.kid.swapcase(), id="other case"),
        pytest.param(KEY.public.kid[:-1], id="shortened"),
        pytest.param(KEY.public.kid + " ", id="lengthened"),
    ],
)
def test_a_key_id_names_one_published_key_exactly_or_nothing(kid: str) -> None:
    assert refusal(forge_token(KEY, {"kid": kid})) is Reason.UNKNOWN_KEY


def sign_raw(header: str, payload: str) -> str:
    parts = [base64url.encode(text.encode()).decode() for text in (header, payload)]
    signing_input = ".".join(parts)
    signature = jws.make_signature(signing_input.encode(), KEY)
    return f"{signing_input}.{base64url.encode(signature).decode()}"


def test_a_token_that_names_a_member_twice_is_refused() -> None:
    header = f'{{"alg":"ES256","kid":"{KEY.public.kid}","typ":"JWT","typ":"at+jwt"}}'
    payload = jws.write_object(access_claims()).decode()
    assert refusal(sign_raw(header, payload)) is Reason.DUPLICATE_MEMBER
    header = f'{{"alg":"ES256","kid":"{KEY.public.kid}","typ":"at+jwt"}}'
    payload = payload.replace("{", '{"sub":"somebody else",', 1)
    assert refusal(sign_raw(header, payload)) is Reason.DUPLICATE_MEMBER


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def with_trailing_bits(token: str) -> str:
    """Another spelling of the same signature: its last character carries four unused bits."""
    return token[:-1] + ALPHABET[ALPHABET.index(token[-1]) ^ 1]


@pytest.mark.parametrize(
    "spell",
    [
        with_trailing_bits,
        lambda token: token + "==",
        lambda token: token + "\n" * 4,
        lambda token: token.replace(".", "\n\n\n\n.", 1),
    ],
    ids=["trailing bits", "padding", "line ends", "line ends inside"],
)
def test_a_second_spelling_of_a_token_is_refused(spell: Callable[[str], str]) -> None:
    assert refusal(spell(sign_token(KEY))) is Reason.NOT_CANONICAL


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_a_token_of_other_than_three_parts_is_refused(count: int) -> None:
    parts = [*sign_token(KEY).split("."), "e30", "e30"]
    assert refusal(".".join(parts[:count])) is Reason.MALFORMED


def test_an_oversized_token_is_refused() -> None:
    assert refusal(sign_token(KEY, padding="x" * jws.MAX_LENGTH)) is Reason.OVERSIZED


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", "logout+jwt", "license+jwt", "at", "", None, 1])
def test_a_token_of_another_type_is_refused(typ: Any) -> None:
    assert refusal(forge_token(KEY, {"typ": typ})) is Reason.WRONG_TYPE


@pytest.mark.parametrize(
    "issuer", [None, "https://evil.example", ISSUER + "/", ISSUER.upper(), [ISSUER]]
)
def test_a_token_of_another_issuer_is_refused(issuer: Any) -> None:
    assert refusal_of(access_claims(iss=issuer)) is Reason.WRONG_ISSUER


@pytest.mark.parametrize("audience", [None, "https://other.example", "", AUDIENCE + "/", ["x"]])
def test_a_token_for_another_audience_is_refused(audience: Any) -> None:
    assert refusal_of(access_claims(aud=audience)) is Reason.WRONG_AUDIENCE


def test_a_token_for_several_audiences_is_refused() -> None:
    assert refusal_of(access_claims(aud=[AUDIENCE, "x"])) is Reason.WRONG_AUDIENCE
    assert refusal_of(access_claims(aud=[AUDIENCE])) is Reason.WRONG_AUDIENCE


def test_a_token_is_refused_from_the_second_it_expires() -> None:
    last = NOW + timedelta(seconds=899.9)
    assert check_claims(access_claims(), issuer=ISSUER, audience=AUDIENCE, now=last)
    assert refusal_of(access_claims(), now=NOW + timedelta(seconds=900)) is Reason.EXPIRED


@pytest.mark.parametrize("exp", [None, "never", True, 1e300])
def test_a_token_without_a_readable_expiry_is_refused(exp: Any) -> None:
    assert refusal_of(access_claims(exp=exp)) is Reason.INVALID_CLAIM


def test_the_token_cache_stores_a_digest_and_a_key_and_nothing_else() -> None:
    verified, token = VerifiedTokens(), sign_token(KEY)
    verified.check_signature(jws.parse(token), KEY.public)
    assert verified._thumbprints == {hashlib.sha256(token.encode()).digest(): KEY.public.thumbprint}


def test_a_cached_signature_counts_for_its_key_alone() -> None:
    """The key behind a `kid` was replaced: what the old one signed is no longer good."""
    verified, token = VerifiedTokens(), sign_token(KEY)
    verified.check_signature(jws.parse(token), KEY.public)
    replaced = jwk.public_key(OTHER.public.material, kid=KEY.public.kid)
    with pytest.raises(InvalidToken) as refused:
        verified.check_signature(jws.parse(token), replaced)
    assert refused.value.reason is Reason.BAD_SIGNATURE


def test_the_token_cache_needs_the_whole_token() -> None:
    """Same header and payload, another signature: nothing that was verified."""
    verified, token = VerifiedTokens(), sign_token(KEY)
    verified.check_signature(jws.parse(token), KEY.public)
    forged = f"{token.rpartition('.')[0]}.{sign_token(OTHER).rpartition('.')[2]}"
    with pytest.raises(InvalidToken) as refused:
        verified.check_signature(jws.parse(forged), KEY.public)
    assert refused.value.reason is Reason.BAD_SIGNATURE


def test_a_cached_token_still_expires() -> None:
    clock = ManualClock(NOW)
    verifier = TokenVerifier(issuer=ISSUER, audience=AUDIENCE, jwks=jwks_of(KEY), clock=clock)
    token = sign_token(KEY)
    assert verifier.verify(token)
    clock.advance(minutes=15)
    with pytest.raises(InvalidToken) as refused:
        verifier.verify(token)
    assert refused.value.reason is Reason.EXPIRED


@pytest.mark.parametrize("documented", [keywright.verify, TokenVerifier])
def test_offline_checks_say_first_that_they_see_no_revocation(documented: object) -> None:
    first_line = (inspect.getdoc(documented) or "").splitlines()[0]
    assert "revocation" in first_line
    assert "expires" in first_line
    assert "introspection" in first_line


@pytest.mark.parametrize(
    "url",
    ["http://accounts.example.com/jwks.json", "file:///etc/jwks.json", "https://", "jwks.json", ""],
)
def test_keys_are_not_fetched_over_an_open_line(url: str) -> None:
    with pytest.raises(ConfigurationError, match="https"):
        TokenVerifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=url)
