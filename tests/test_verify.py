"""`keywright.verify` against a real HTTP server that publishes, changes and withholds its keys."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from parts.tokens import AUDIENCE, ISSUER, NOW, jwks_of, sign_token

from keywright.core.clock import ManualClock
from keywright.core.errors import ConfigurationError
from keywright.protocol import jwk
from keywright.protocol.jwk import Algorithm, PrivateKey
from keywright.verify import InvalidToken, KeysUnavailable, Reason, TokenVerifier

pytestmark = pytest.mark.anyio


class Issuer:
    """Publishes `keys` at `/jwks.json`; `gate` holds answers back while it is cleared."""

    def __init__(self) -> None:
        self.key = jwk.generate(Algorithm.ES256)
        self.status = 200
        self.body: bytes | None = None
        self.headers: dict[str, str] = {}
        self.fetches = 0
        self.asked = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.publish(self.key)
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.answer(self)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def publish(self, *keys: PrivateKey) -> None:
        self.document = jwks_of(*keys)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.fetches += 1
        self.asked.release()
        self.gate.wait(10)
        body = json.dumps(self.document).encode() if self.body is None else self.body
        request.send_response(self.status)
        for name, value in {**self.headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def verifier(issuer: Issuer, clock: ManualClock) -> TokenVerifier:
    return TokenVerifier(issuer=ISSUER, audience=AUDIENCE, jwks_url=issuer.url, clock=clock)


def fresh_token(key: PrivateKey, clock: ManualClock, **changes: Any) -> str:
    now = int(clock.now().timestamp())
    return sign_token(key, iat=now, exp=now + 900, **changes)


def refusal(verifier: TokenVerifier, token: str) -> Reason:
    with pytest.raises(InvalidToken) as refused:
        verifier.verify(token)
    return refused.value.reason


def background_fetch_ends(verifier: TokenVerifier) -> None:
    fetch = verifier._source._fetch
    if fetch is not None:
        fetch.result(10)


def test_a_good_token_gives_its_claims(verifier: TokenVerifier, issuer: Issuer) -> None:
    claims = verifier.verify(sign_token(issuer.key))
    assert claims.scopes == {"read", "write"}
    assert claims.iss == ISSUER


async def test_a_good_token_gives_its_claims_to_a_coroutine(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    claims = await verifier.averify(sign_token(issuer.key))
    assert claims == verifier.verify(sign_token(issuer.key))
    assert issuer.fetches == 1


def test_keys_can_be_given_instead_of_fetched() -> None:
    key = jwk.generate(Algorithm.EDDSA)
    verifier = TokenVerifier(
        issuer=ISSUER, audience=AUDIENCE, jwks=jwks_of(key), clock=ManualClock(NOW)
    )
    assert verifier.verify(sign_token(key)).sub
    assert refusal(verifier, sign_token(jwk.generate(Algorithm.EDDSA))) is Reason.UNKNOWN_KEY


def test_a_token_for_somebody_else_is_refused(verifier: TokenVerifier, issuer: Issuer) -> None:
    assert refusal(verifier, sign_token(issuer.key, aud="https://other.example")) is (
        Reason.WRONG_AUDIENCE
    )
    assert refusal(verifier, sign_token(issuer.key, iss="https://other.example")) is (
        Reason.WRONG_ISSUER
    )
    assert refusal(verifier, sign_token(issuer.key, typ="JWT")) is Reason.WRONG_TYPE


def test_the_error_carries_rfc_6750s_code() -> None:
    assert (InvalidToken.status, InvalidToken.code) == (401, "invalid_token")
    assert KeysUnavailable.status == 503


def test_keys_are_fetched_once_for_many_threads(verifier: TokenVerifier, issuer: Issuer) -> None:
    issuer.gate.clear()
    tokens = [sign_token(issuer.key, jti=str(number)) for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(verifier.verify, token) for token in tokens]
        issuer.asked.acquire()
        issuer.gate.set()
        assert {answer.result(10).jti for answer in answers} == {str(n) for n in range(16)}
    assert issuer.fetches == 1


async def test_keys_are_fetched_once_for_many_coroutines(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    tokens = [sign_token(issuer.key, jti=str(number)) for number in range(50)]
    claims = await asyncio.gather(*(verifier.averify(token) for token in tokens))
    assert len(claims) == 50
    assert issuer.fetches == 1


async def test_a_cancelled_wait_leaves_the_fetch_to_the_others(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    issuer.gate.clear()
    waiting = [asyncio.create_task(verifier.averify(sign_token(issuer.key))) for _ in range(2)]
    await asyncio.to_thread(issuer.asked.acquire)
    waiting[0].cancel()
    issuer.gate.set()
    assert (await waiting[1]).sub
    assert waiting[0].cancelled()


def test_a_new_key_is_found_when_a_token_names_it(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    verifier.verify(sign_token(issuer.key))
    clock.advance(seconds=6)
    new = jwk.generate(Algorithm.ES256)
    issuer.publish(issuer.key, new)
    assert verifier.verify(sign_token(new)).sub
    assert issuer.fetches == 2


def test_made_up_key_ids_do_not_become_a_flood(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    verifier.verify(sign_token(issuer.key))
    clock.advance(seconds=6)
    for _ in range(20):
        assert refusal(verifier, sign_token(jwk.generate(Algorithm.ES256))) is Reason.UNKNOWN_KEY
    assert issuer.fetches == 2


def test_old_keys_are_refreshed_without_making_anyone_wait(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    verifier.verify(sign_token(issuer.key))
    issuer.asked.acquire()
    clock.advance(seconds=301)
    issuer.gate.clear()
    assert verifier.verify(fresh_token(issuer.key, clock)).sub
    issuer.asked.acquire()
    issuer.gate.set()
    background_fetch_ends(verifier)
    assert issuer.fetches == 2


def test_a_withdrawn_key_is_refused_after_the_next_refresh(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    leaked = sign_token(issuer.key, exp=int(NOW.timestamp()) + 86_400)
    verifier.verify(leaked)
    issuer.publish(jwk.generate(Algorithm.ES256))
    clock.advance(seconds=301)
    verifier.verify(leaked)
    background_fetch_ends(verifier)
    assert refusal(verifier, leaked) is Reason.UNKNOWN_KEY


def test_keys_serve_while_the_issuer_is_down_and_not_for_ever(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    verifier.verify(sign_token(issuer.key))
    issuer.status = 500
    for _ in range(5):
        clock.advance(minutes=11)
        assert verifier.verify(fresh_token(issuer.key, clock)).sub
        background_fetch_ends(verifier)
    clock.advance(minutes=6)
    with pytest.raises(KeysUnavailable):
        verifier.verify(fresh_token(issuer.key, clock))
    issuer.status = 200
    clock.advance(seconds=6)
    assert verifier.verify(fresh_token(issuer.key, clock)).sub


def test_without_an_issuer_the_answer_is_503_and_not_401(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    verifier = TokenVerifier(
        issuer=ISSUER, audience=AUDIENCE, jwks_url="http://127.0.0.1:9/jwks.json", clock=clock
    )
    token = sign_token(jwk.generate(Algorithm.ES256))
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            verifier.verify(token)
    assert [record.name for record in caplog.records] == ["keywright.verify"]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Please sign in to the network</html>",
        b"[]",
        b"{}",
        b'{"keys": []}',
        b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        b"[" * 60_000,
        b'{"keys": []}' + b" " * 70_000,
        b"\xff",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_an_answer_that_is_no_jwks_never_replaces_good_keys(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock, body: bytes
) -> None:
    verifier.verify(sign_token(issuer.key))
    issuer.body = body
    clock.advance(seconds=301)
    for _ in range(2):
        assert verifier.verify(fresh_token(issuer.key, clock)).sub
        background_fetch_ends(verifier)
    assert issuer.fetches == 2


def test_a_redirect_is_not_followed(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    issuer.status, issuer.headers = 302, {"Location": issuer.url}
    with pytest.raises(KeysUnavailable):
        verifier.verify(sign_token(issuer.key))
    assert issuer.fetches == 1


def test_a_clock_that_is_set_back_does_not_keep_old_keys(
    verifier: TokenVerifier, issuer: Issuer, clock: ManualClock
) -> None:
    verifier.verify(sign_token(issuer.key))
    clock.advance(hours=-2)
    assert verifier.verify(sign_token(issuer.key)).sub
    assert issuer.fetches == 2


def test_an_own_http_client_is_used_and_left_open(clock: ManualClock) -> None:
    key = jwk.generate(Algorithm.ES256)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=jwks_of(key)))
    with httpx.Client(transport=transport) as client:
        verifier = TokenVerifier(
            issuer=ISSUER,
            audience=AUDIENCE,
            jwks_url="https://accounts.example.com/.well-known/jwks.json",
            client=client,
            clock=clock,
        )
        assert verifier.verify(sign_token(key)).sub
        assert not client.is_closed


def test_plain_http_is_a_choice(clock: ManualClock) -> None:
    options = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": "http://keywright:8000/jwks"}
    with pytest.raises(ConfigurationError, match="allow_http"):
        TokenVerifier(**options)
    assert TokenVerifier(**options, allow_http=True)


@pytest.mark.parametrize("sources", [{}, {"jwks": {"keys": []}, "jwks_url": "https://a.example"}])
def test_keys_come_from_exactly_one_place(sources: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="either"):
        TokenVerifier(issuer=ISSUER, audience=AUDIENCE, **sources)


def test_given_keys_must_be_usable() -> None:
    with pytest.raises(ConfigurationError, match="jwks"):
        TokenVerifier(issuer=ISSUER, audience=AUDIENCE, jwks={"keys": []})


def test_it_needs_no_more_than_the_base_install() -> None:
    heavy = ["fastapi", "sqlalchemy", "argon2", "msgspec", "pydantic", "starlette", "structlog"]
    code = (
        "import sys, keywright.verify\n"
        f"print([name for name in {heavy} if name in sys.modules])\n"
        "print(sorted(name for name in sys.modules if name.startswith('keywright.')))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded, ours = answer.stdout.splitlines()
    assert loaded == "[]"
    assert ours == str(
        [
            "keywright.core",
            "keywright.core.clock",
            "keywright.core.errors",
            "keywright.protocol",
            "keywright.protocol.access_token",
            "keywright.protocol.base64url",
            "keywright.protocol.errors",
            "keywright.protocol.jwk",
            "keywright.protocol.jws",
            "keywright.protocol.verified_tokens",
            "keywright.verify",
        ]
    )
