"""Access tokens, good and forged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from keywright.protocol import base64url, jwk, jws
from keywright.protocol.access_token import ACCESS_TOKEN_TYPE, AccessToken
from keywright.protocol.jwk import PrivateKey

ISSUER = "https://accounts.example.com"
AUDIENCE = "https://api.example.com"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def access_claims(**changes: Any) -> dict[str, Any]:
    """The payload of a good token; a change to None leaves that claim out."""
    issued = int(NOW.timestamp())
    token = AccessToken(
        iss=ISSUER,
        aud=AUDIENCE,
        sub="0199f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506",
        client_id="keywright",
        jti="0199f3a4-5b6c-7d8e-9fa0-b1c2d3e4f507",
        iat=issued,
        exp=issued + 900,
        scope="read write",
        sid="0199f3a4-5b6c-7d8e-9fa0-b1c2d3e4f508",
        auth_time=issued,
        amr=("pwd",),
    )
    claims = token.to_claims() | changes
    return {name: value for name, value in claims.items() if value is not None}


def sign_token(key: PrivateKey, *, typ: str = ACCESS_TOKEN_TYPE, **changes: Any) -> str:
    return jws.sign(jws.write_object(access_claims(**changes)), key, typ=typ)


def forge_token(
    key: PrivateKey, header: Mapping[str, Any], claims: Mapping[str, Any] | None = None
) -> str:
    """Correctly signed, with `header` instead of, or beside, what `sign` writes."""
    written = {"alg": key.public.algorithm, "kid": key.public.kid, "typ": ACCESS_TOKEN_TYPE}
    payload = jws.write_object(access_claims() if claims is None else claims)
    return jws.sign_with_header({**written, **header}, payload, key)


def encode_part(members: Mapping[str, Any]) -> str:
    return base64url.encode(jws.write_object(members)).decode()


def jwks_of(*keys: PrivateKey) -> dict[str, Any]:
    return {"keys": [jwk.write_public_jwk(key.public) for key in keys]}


def by_kid(*keys: PrivateKey) -> dict[str, jwk.PublicKey]:
    return {key.public.kid: key.public for key in keys}
