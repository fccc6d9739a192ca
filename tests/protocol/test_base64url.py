from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.protocol import base64url
from keywright.protocol.errors import InvalidToken, Reason


@given(st.binary(max_size=200))
def test_what_was_encoded_decodes(data: bytes) -> None:
    encoded = base64url.encode(data)
    assert not set(encoded) & set(b"+/=")
    assert base64url.decode(encoded) == data


@given(st.binary(max_size=40))
def test_nothing_but_the_canonical_spelling_decodes(encoded: bytes) -> None:
    try:
        data = base64url.decode(encoded)
    except InvalidToken:
        return
    assert base64url.encode(data) == encoded


@pytest.mark.parametrize(
    "encoded",
    [b"YQ==", b"YQ=", b"YR", b"YQ\n", b"Y Q", b"++++", b"////", b"YQ.YQ", b"\xff\xff"],
    ids=[
        "padded",
        "half padded",
        "trailing bits",
        "newline",
        "space",
        "plus",
        "slash",
        "dot",
        "8-bit",
    ],
)
def test_other_spellings_are_refused(encoded: bytes) -> None:
    with pytest.raises(InvalidToken) as refused:
        base64url.decode(encoded)
    assert refused.value.reason in {Reason.NOT_CANONICAL, Reason.MALFORMED}


def test_a_length_that_cannot_be_is_malformed() -> None:
    with pytest.raises(InvalidToken) as refused:
        base64url.decode(b"A")
    assert refused.value.reason is Reason.MALFORMED
