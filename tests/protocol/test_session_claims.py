from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from parts.tokens import AUDIENCE, ISSUER, NOW, access_claims

from keywright.protocol import jws
from keywright.protocol.access_token import check_claims
from keywright.protocol.errors import InvalidToken, Reason
from keywright.protocol.session_claims import SessionClaims, check_session_claims


def check(claims: dict[str, Any], now: datetime = NOW) -> SessionClaims:
    payload = jws.write_object(claims)
    return check_session_claims(payload, issuer=ISSUER, audience=AUDIENCE, now=now)


def refusals(claims: dict[str, Any], now: datetime = NOW) -> tuple[Reason, Reason]:
    """Read for a request, and read whole."""
    with pytest.raises(InvalidToken) as refused:
        check(claims, now)
    with pytest.raises(InvalidToken) as refused_whole:
        check_claims(claims, issuer=ISSUER, audience=AUDIENCE, now=now)
    return refused.value.reason, refused_whole.value.reason


def test_a_good_token_says_whose_session_it_is() -> None:
    claims = check(access_claims())
    assert claims.sub == UUID("0199f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506")
    assert claims.sid == UUID("0199f3a4-5b6c-7d8e-9fa0-b1c2d3e4f508")
    assert (claims.amr, claims.scope) == (("pwd",), "read write")
    assert claims.exp - claims.iat == 900


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://other.example"}, Reason.WRONG_ISSUER),
        ({"aud": "https://other.example"}, Reason.WRONG_AUDIENCE),
        ({"exp": int(NOW.timestamp())}, Reason.EXPIRED),
        ({"nbf": int(NOW.timestamp()) + 1}, Reason.NOT_YET_VALID),
        ({"exp": True}, Reason.INVALID_CLAIM),
        ({"exp": "tomorrow"}, Reason.INVALID_CLAIM),
        ({"exp": None}, Reason.INVALID_CLAIM),
        ({"sub": 7}, Reason.INVALID_CLAIM),
        ({"sid": 7}, Reason.INVALID_CLAIM),
        ({"jti": None}, Reason.INVALID_CLAIM),
        ({"amr": ["pwd", 7]}, Reason.INVALID_CLAIM),
        ({"scope": ["read"]}, Reason.INVALID_CLAIM),
        ({"auth_time": "now"}, Reason.INVALID_CLAIM),
        ({"act": "admin"}, Reason.INVALID_CLAIM),
        ({"amr": "\ud800"}, Reason.INVALID_CLAIM),
    ],
)
def test_both_ways_to_read_a_token_refuse_the_same(changes: dict[str, Any], reason: Reason) -> None:
    assert refusals(access_claims(**changes)) == (reason, reason)


@pytest.mark.parametrize(
    "changes", [{"sid": None}, {"sid": "me"}, {"sub": "service"}, {"sid": "\ud800"}]
)
def test_a_token_of_no_session_is_no_session(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken) as refused:
        check(access_claims(**changes))
    assert refused.value.reason is Reason.INVALID_CLAIM


def test_a_token_is_good_until_the_second_it_expires() -> None:
    assert check(access_claims(), NOW + timedelta(seconds=899.9))
    with pytest.raises(InvalidToken):
        check(access_claims(), NOW + timedelta(seconds=900))


def test_what_an_application_adds_cannot_make_a_token_unreadable() -> None:
    assert check(access_claims(motto="half a pair: \ud800", many=10**30)).scope == "read write"
