from __future__ import annotations

from pydantic import BaseModel


class JsonWebKey(BaseModel):
    """A public key (RFC 7517 §4)."""

    kid: str
    alg: str
    use: str
    kty: str
    crv: str | None = None
    x: str | None = None
    y: str | None = None
    n: str | None = None
    e: str | None = None


class JsonWebKeySet(BaseModel):
    """What verifies the tokens that are signed here (RFC 7517 §5)."""

    keys: list[JsonWebKey]
