"""Access tokens: RFC 9068 JWTs, `typ: at+jwt`, with one audience.

Verifying a signature is one thing and may be remembered; what the claims say is checked at every
use, against the clock and the place where the token is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from keywright.protocol import jws
from keywright.protocol.errors import InvalidToken, Reason
from keywright.protocol.jwk import PublicKey

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068 §2.1


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of RFC 9068 §2.2, `sid` (the session) and `act` (RFC 8693 §4.1); times in Unix
    seconds. `extra` holds the claims that an application added.
    """

    iss: str
    aud: str
    sub: str
    client_id: str
    jti: str
    iat: int
    exp: int
    scope: str = ""
    sid: str | None = None
    auth_time: int | None = None
    amr: tuple[str, ...] = ()
    act: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.scope.split())

    def to_claims(self) -> dict[str, Any]:
        """The payload to sign, without empty claims. `extra` cannot set a claim of ours."""
        own = {name: value for name in CLAIM_TYPES if (value := getattr(self, name))}
        return own | {name: self.extra[name] for name in self.extra if name not in CLAIM_TYPES}


REQUIRED_CLAIMS = frozenset({"iss", "aud", "sub", "client_id", "jti", "iat", "exp"})
CLAIM_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "iss": str,
    "aud": str,
    "sub": str,
    "client_id": str,
    "jti": str,
    "iat": int,
    "exp": int,
    "scope": str,
    "sid": str,
    "auth_time": int,
    "amr": (list, tuple),
    "act": dict,
}


def verify_signature(token: str, keys: Mapping[str, PublicKey]) -> dict[str, Any]:
    """The payload of a token that one of `keys` signed as an access token; see `check_claims`.

    Raises `InvalidToken`.
    """
    parsed = jws.parse(token)
    jws.refuse_other_type(parsed, ACCESS_TOKEN_TYPE)
    jws.check_signature(parsed, jws.find_key(parsed, keys))
    return jws.read_object(parsed.payload)


def check_claims(
    claims: Mapping[str, Any], *, issuer: str, audience: str, now: datetime, leeway: float = 0
) -> AccessToken:
    """What a token says, for this place and this moment (RFC 9068 §4). `leeway` is in seconds.

    Raises `InvalidToken`.
    """
    refuse_other_issuer(claims.get("iss"), issuer)
    refuse_other_audience(claims.get("aud"), audience)
    refuse_invalid_claims(claims)
    refuse_expired(claims["exp"], now.timestamp() - leeway)
    refuse_not_yet_valid(claims.get("nbf", 0), now.timestamp() + leeway)
    return read_access_token(claims)


def read_access_token(claims: Mapping[str, Any]) -> AccessToken:
    own = {name: claims[name] for name in CLAIM_TYPES if name in claims}
    extra = {name: value for name, value in claims.items() if name not in CLAIM_TYPES}
    return AccessToken(**{**own, "amr": tuple(claims.get("amr", ()))}, extra=extra)


def refuse_other_issuer(iss: object, issuer: str) -> None:
    if iss != issuer:
        raise InvalidToken(Reason.WRONG_ISSUER)


def refuse_other_audience(aud: object, audience: str) -> None:
    """One token, one audience: a list is refused, even with ours among its members."""
    if aud != audience:
        raise InvalidToken(Reason.WRONG_AUDIENCE)


def refuse_invalid_claims(claims: Mapping[str, Any]) -> None:
    """Every required claim is there, and every known claim has its type."""
    if not claims.keys() >= REQUIRED_CLAIMS:
        raise InvalidToken(Reason.INVALID_CLAIM)
    for name, value in claims.items():
        kind = CLAIM_TYPES.get(name)
        if kind is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise InvalidToken(Reason.INVALID_CLAIM)
    if not all(isinstance(method, str) for method in claims.get("amr", ())):
        raise InvalidToken(Reason.INVALID_CLAIM)


def refuse_expired(exp: int, now: float) -> None:
    """RFC 7519 §4.1.4: refused from the second that `exp` names."""
    if now >= exp:
        raise InvalidToken(Reason.EXPIRED)


def refuse_not_yet_valid(nbf: object, now: float) -> None:
    """RFC 7519 §4.1.5. We issue no `nbf`, but keep one that is there."""
    if not isinstance(nbf, int) or now < nbf:
        raise InvalidToken(Reason.NOT_YET_VALID)
