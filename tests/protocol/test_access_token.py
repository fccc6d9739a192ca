from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from parts.tokens import AUDIENCE, ISSUER, NOW, access_claims, by_kid, sign_token

from keywright.protocol import jwk
from keywright.protocol.access_token import (
    REQUIRED_CLAIMS,
    AccessToken,
    check_claims,
    verify_signature,
)
from keywright.protocol.errors import InvalidToken, Reason
from keywright.protocol.jwk import Algorithm


def check(claims: dict[str, Any], **changes: Any) -> AccessToken:
    return check_claims(claims, **{"issuer": ISSUER, "audience": AUDIENCE, "now": NOW, **changes})


def refusal(claims: dict[str, Any], **changes: Any) -> Reason:
    with pytest.raises(InvalidToken) as refused:
        check(claims, **changes)
    return refused.value.reason


def test_a_good_token_says_what_was_signed() -> None:
    key = jwk.generate(Algorithm.ES256)
    token = check(verify_signature(sign_token(key), by_kid(key)))
    assert token.to_claims() == access_claims()
    assert token.scopes == {"read", "write"}
    assert token.amr == ("pwd",)


def test_the_claims_of_an_application_come_along() -> None:
    token = check(access_claims(plan="pro", act={"sub": "admin"}))
    assert token.extra == {"plan": "pro"}
    assert token.act == {"sub": "admin"}
    assert token.to_claims() == access_claims(plan="pro", act={"sub": "admin"})


def test_an_application_cannot_set_a_claim_of_ours() -> None:
    token = AccessToken(
        iss=ISSUER,
        aud=AUDIENCE,
        sub="them",
        client_id="keywright",
        jti="1",
        iat=1,
        exp=2,
        extra={"sub": "me", "act": {"sub": "admin"}, "sid": "other", "plan": "pro"},
    )
    assert token.to_claims() == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "them",
        "client_id": "keywright",
        "jti": "1",
        "iat": 1,
        "exp": 2,
        "plan": "pro",
    }


def test_a_token_of_a_client_has_no_session() -> None:
    token = check(access_claims(sid=None, auth_time=None, amr=None, scope=None))
    assert (token.sid, token.auth_time, token.amr, token.scopes) == (None, None, (), frozenset())


@pytest.mark.parametrize("name", sorted(REQUIRED_CLAIMS - {"iss", "aud"}))
def test_a_missing_claim_is_refused(name: str) -> None:
    assert refusal(access_claims(**{name: None})) is Reason.INVALID_CLAIM


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": 7},
        {"sub": ["a"]},
        {"exp": "1900000000"},
        {"exp": True},
        {"exp": 1e300},
        {"iat": {}},
        {"scope": ["read"]},
        {"amr": "pwd"},
        {"amr": [1]},
        {"act": "admin"},
        {"sid": 1},
        {"auth_time": "now"},
    ],
    ids=str,
)
def test_a_claim_of_another_type_is_refused(changes: dict[str, Any]) -> None:
    assert refusal(access_claims(**changes)) is Reason.INVALID_CLAIM


def test_leeway_is_for_clocks_that_differ() -> None:
    late = NOW + timedelta(seconds=904)
    assert refusal(access_claims(), now=late) is Reason.EXPIRED
    assert check(access_claims(), now=late, leeway=5).sub


def test_a_token_is_not_used_before_its_time() -> None:
    """RFC 7519 §4.1.5."""
    claims = access_claims(nbf=int(NOW.timestamp()) + 3)
    assert refusal(claims) is Reason.NOT_YET_VALID
    assert check(claims, leeway=3).sub
    assert refusal(access_claims(nbf="soon")) is Reason.NOT_YET_VALID
