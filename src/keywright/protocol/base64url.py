"""base64url without padding (RFC 7515 §2), in its one canonical spelling."""

from __future__ import annotations

import binascii

from keywright.protocol.errors import InvalidToken, Reason

# binascii rather than base64: half the time, and every request decodes a token.
TO_URL = bytes.maketrans(b"+/", b"-_")
FROM_URL = bytes.maketrans(b"-_", b"+/")


def encode(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).translate(TO_URL).rstrip(b"=")


def decode(encoded: bytes) -> bytes:
    """Raises `InvalidToken` for anything that `encode` would not have written."""
    data = read(encoded)
    refuse_other_spelling(encoded, data)
    return data


def read(encoded: bytes) -> bytes:
    """`decode` for what it has decoded before. Raises `InvalidToken`."""
    try:
        return binascii.a2b_base64(encoded.translate(FROM_URL) + b"=" * (-len(encoded) % 4))
    except binascii.Error:
        raise InvalidToken(Reason.MALFORMED) from None


def refuse_other_spelling(encoded: bytes, data: bytes) -> None:
    """Padding, line breaks, the other alphabet and trailing bits would give one token two names."""
    if encode(data) != encoded:
        raise InvalidToken(Reason.NOT_CANONICAL)
