"""Why a token was refused."""

from __future__ import annotations

from enum import StrEnum

from keywright.core.errors import NotAuthenticated


class Reason(StrEnum):
    """The check that a token failed: for logs and tests, not a thing to tell an attacker."""

    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    NOT_CANONICAL = "not_canonical"
    DUPLICATE_MEMBER = "duplicate_member"
    ALGORITHM_NOT_ALLOWED = "algorithm_not_allowed"
    ALGORITHM_MISMATCH = "algorithm_mismatch"
    EMBEDDED_KEY = "embedded_key"
    UNKNOWN_CRITICAL = "unknown_critical"
    UNENCODED_PAYLOAD = "unencoded_payload"
    INVALID_KEY_ID = "invalid_key_id"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_TYPE = "wrong_type"
    INVALID_CLAIM = "invalid_claim"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"


class InvalidToken(NotAuthenticated):
    """A token that is not accepted; `reason` names the check that it failed.

    `code` is RFC 6750's word for it: clients refresh the token, they do not sign the person out.
    """

    code = "invalid_token"
    title = "This token is not accepted"
    detail = "This access token is not accepted. Get a new one with the refresh token, or sign in."

    def __init__(self, reason: Reason) -> None:
        super().__init__()
        self.reason = reason
