from __future__ import annotations

import threading

import pytest
from parts.tokens import sign_token

from keywright.protocol import jwk, jws
from keywright.protocol.errors import InvalidToken, Reason
from keywright.protocol.jwk import Algorithm
from keywright.protocol.verified_tokens import VerifiedTokens


def check(verified: VerifiedTokens, token: str, key: jwk.PublicKey) -> None:
    verified.check_signature(jws.parse(token), key)


@pytest.fixture
def key() -> jwk.PrivateKey:
    return jwk.generate(Algorithm.ES256)


def test_a_signature_is_verified_once(key: jwk.PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    verified, token = VerifiedTokens(), sign_token(key)
    check(verified, token, key.public)
    monkeypatch.delattr(jws, "check_signature")
    check(verified, token, key.public)


def test_a_refused_token_is_not_remembered(key: jwk.PrivateKey) -> None:
    verified, token = VerifiedTokens(), sign_token(key)
    forged = token[:-2] + ("AA" if not token.endswith("AA") else "QQ")
    for _ in range(2):
        with pytest.raises(InvalidToken) as refused:
            check(verified, forged, key.public)
        assert refused.value.reason is Reason.BAD_SIGNATURE
    assert len(verified) == 0


def test_memory_is_bounded_and_the_oldest_goes(
    key: jwk.PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = VerifiedTokens(capacity=3)
    tokens = [sign_token(key, jti=str(number)) for number in range(5)]
    for token in tokens:
        check(verified, token, key.public)
    assert len(verified) == 3
    monkeypatch.delattr(jws, "check_signature")
    for token in tokens[2:]:
        check(verified, token, key.public)
    with pytest.raises(AttributeError):
        check(verified, tokens[1], key.public)


def test_threads_share_it(key: jwk.PrivateKey) -> None:
    verified, errors = VerifiedTokens(capacity=4), []
    tokens = [sign_token(key, jti=str(number)) for number in range(20)]

    def work() -> None:
        try:
            for token in tokens:
                check(verified, token, key.public)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(verified) == 4
