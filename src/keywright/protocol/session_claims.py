"""What every request reads of an access token: RFC 9068 §2.2 and `sid`, in one pass.

`access_token.check_claims` reads whole tokens; the checks are the same functions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from keywright.protocol import jws
from keywright.protocol.access_token import (
    refuse_expired,
    refuse_not_yet_valid,
    refuse_other_audience,
    refuse_other_issuer,
)
from keywright.protocol.errors import InvalidToken, Reason


class SessionClaims(msgspec.Struct, frozen=True):
    """The claims of a session's access token, typed; times in Unix seconds."""

    iss: str
    aud: str
    sub: UUID
    sid: UUID
    client_id: str
    jti: str
    iat: int
    exp: int
    nbf: int = 0
    auth_time: int = 0
    amr: tuple[str, ...] = ()
    scope: str = ""
    act: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


DECODER = msgspec.json.Decoder(SessionClaims)


def check_session_claims(
    payload: bytes, *, issuer: str, audience: str, now: datetime
) -> SessionClaims:
    """What a verified token says, for this place and this moment. Raises `InvalidToken`."""
    claims = read_session_claims(payload)
    moment = now.timestamp()
    refuse_other_issuer(claims.iss, issuer)
    refuse_other_audience(claims.aud, audience)
    refuse_expired(claims.exp, moment)
    refuse_not_yet_valid(claims.nbf, moment)
    return claims


def read_session_claims(payload: bytes) -> SessionClaims:
    try:
        return DECODER.decode(payload)
    except msgspec.DecodeError:
        return convert(payload)


def convert(payload: bytes) -> SessionClaims:
    """Of what the quick decoder cannot read: half a surrogate pair in an application's claim."""
    try:
        return msgspec.convert(jws.read_object(payload), SessionClaims)
    except (msgspec.ValidationError, UnicodeError):
        raise InvalidToken(Reason.INVALID_CLAIM) from None
