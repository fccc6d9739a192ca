from __future__ import annotations

from datetime import datetime

import msgspec

from keywright.protocol.jwk import Algorithm


class SigningKey(msgspec.Struct, frozen=True):
    """Published from `created_at` until `retires_at`; signs from `activates_at` until a younger
    key does.
    """

    kid: str
    number: int
    algorithm: Algorithm
    public_jwk: dict[str, str]
    sealed_private_jwk: bytes
    created_at: datetime
    activates_at: datetime
    retires_at: datetime | None = None
