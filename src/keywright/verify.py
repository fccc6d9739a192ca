"""Sees a revocation only when the token expires; the other choice is introspection (RFC 7662).

For services that take Keywright's access tokens and nothing else of it: no database, no web
framework, no more than the base install.

    verifier = TokenVerifier(
        issuer="https://accounts.example.com",
        audience="https://api.example.com",
        jwks_url="https://accounts.example.com/.well-known/jwks.json",
    )
    claims = verifier.verify(token)  # or: await verifier.averify(token)

Where a disabled user must be locked out before the token's `exp` (15 minutes by default), ask
`POST /oauth2/introspect` about each token instead.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Any
from urllib.parse import urlsplit

import httpx

from keywright.core.clock import Clock, SystemClock
from keywright.core.errors import ConfigurationError, Unavailable
from keywright.protocol import jws
from keywright.protocol.access_token import ACCESS_TOKEN_TYPE, check_claims
from keywright.protocol.access_token import AccessToken as Claims
from keywright.protocol.errors import InvalidToken, Reason
from keywright.protocol.jwk import InvalidJwk, PublicKey, read_jwks
from keywright.protocol.verified_tokens import VerifiedTokens

__all__ = ["Claims", "InvalidToken", "KeysUnavailable", "Reason", "TokenVerifier"]

FETCH_TIMEOUT = 5.0  # seconds
FETCH_MAX_BYTES = 65_536
FETCH_INTERVAL = 5.0  # seconds between two fetches, whatever asks for them
REFRESH_AFTER = 300.0  # seconds
USABLE_FOR = 3_600.0  # seconds
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

log = logging.getLogger(__name__)


class KeysUnavailable(Unavailable):
    """The issuer's keys cannot be had, so the token cannot be judged: answer 503, not 401."""

    code = "keys_unavailable"
    detail = "The token cannot be checked, because its issuer does not answer. Please try again."


class TokenVerifier:
    """Sees a revocation only when the token expires; the other choice is introspection.

    One for each audience, shared by all threads and event loops. Give it `jwks_url`, or `jwks` with
    the document itself. Keys are fetched again after `refresh_after` seconds, in the background,
    and for a key id that is not known, at most every five seconds; while the issuer is down the
    last ones serve for `usable_for` seconds. `allow_http` is for networks that you trust as you
    trust this process: whoever can change the answer can forge every token.

    Raises `InvalidToken`, whose `reason` names the check, or `KeysUnavailable`.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks_url: str | None = None,
        jwks: Mapping[str, Any] | None = None,
        leeway: float = 0,
        refresh_after: float = REFRESH_AFTER,
        usable_for: float = USABLE_FOR,
        allow_http: bool = False,
        client: httpx.Client | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        self._clock = clock or SystemClock()
        self._verified = VerifiedTokens()
        self._source: GivenKeys | FetchedKeys
        if jwks is not None and jwks_url is None:
            self._source = GivenKeys(jwks)
        elif jwks_url is not None and jwks is None:
            refuse_unsafe_url(jwks_url, {"http", "https"} if allow_http else {"https"})
            self._source = FetchedKeys(jwks_url, refresh_after, usable_for, client, self._clock)
        else:
            raise ConfigurationError("A TokenVerifier takes either `jwks_url` or `jwks`.")

    def verify(self, token: str) -> Claims:
        parsed = parse_access_token(token)
        fetch = self._source.fetch_needed_for(parsed.kid)
        if fetch is not None:
            fetch.result()
        return self._check(parsed)

    async def averify(self, token: str) -> Claims:
        parsed = parse_access_token(token)
        fetch = self._source.fetch_needed_for(parsed.kid)
        if fetch is not None:
            await asyncio.shield(asyncio.wrap_future(fetch))  # others wait for it too
        return self._check(parsed)

    def _check(self, parsed: jws.Jws) -> Claims:
        key = jws.find_key(parsed, self._source.keys())
        self._verified.check_signature(parsed, key)
        return check_claims(
            jws.read_object(parsed.payload),
            issuer=self._issuer,
            audience=self._audience,
            now=self._clock.now(),
            leeway=self._leeway,
        )


class GivenKeys:
    """Keys that are known from the start and stay."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._keys = read_given_jwks(document)

    def keys(self) -> Mapping[str, PublicKey]:
        return self._keys

    def fetch_needed_for(self, _kid: str | None) -> None:
        """Never: there is nowhere to ask."""


class FetchedKeys:
    """The issuer's published keys. At most one fetch is under way; it runs in its own thread, so
    that threads and event loops wait for the same one.
    """

    def __init__(
        self,
        url: str,
        refresh_after: float,
        usable_for: float,
        client: httpx.Client | None,
        clock: Clock,
    ) -> None:
        self._url = url
        self._refresh_after = refresh_after
        self._usable_for = usable_for
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, PublicKey] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None
        self._fetch: Future[None] | None = None

    def keys(self) -> Mapping[str, PublicKey]:
        """Raises `KeysUnavailable` when there are none, or none that are fresh enough."""
        with self._lock:
            if not self._is_within(self._fetched_at, self._usable_for):
                raise KeysUnavailable
            return self._keys

    def fetch_needed_for(self, kid: str | None) -> Future[None] | None:
        """The fetch to wait for before judging a token of `kid`. Starts it when one is due."""
        with self._lock:
            if not self._is_within(self._fetched_at, self._refresh_after):
                self._start_fetch()
            if kid in self._keys and self._is_within(self._fetched_at, self._usable_for):
                return None
            self._start_fetch()
            return self._fetch

    def _start_fetch(self) -> None:
        """With the lock held. Does nothing while one is under way or was tried just now."""
        if self._fetch is not None or self._is_within(self._asked_at, FETCH_INTERVAL):
            return
        fetch: Future[None] = Future()
        thread = threading.Thread(
            target=self._run_fetch, args=(fetch,), name="keywright-jwks", daemon=True
        )
        thread.start()
        self._fetch, self._asked_at = fetch, self._now()

    def _run_fetch(self, fetch: Future[None]) -> None:
        keys: Mapping[str, PublicKey] | None = None
        try:
            keys = fetch_jwks(self._url, self._client)
        except (httpx.HTTPError, InvalidJwk) as error:
            log.warning("The keys at %s cannot be fetched: %s", self._url, error)
        finally:
            with self._lock:
                if keys is not None:
                    self._keys, self._fetched_at = keys, self._now()
                self._fetch = None
            fetch.set_result(None)

    def _is_within(self, moment: float | None, seconds: float) -> bool:
        """A moment in the future is one before the clock was set back: it counts as long ago."""
        return moment is not None and 0 <= self._now() - moment < seconds

    def _now(self) -> float:
        return self._clock.now().timestamp()


def parse_access_token(token: str) -> jws.Jws:
    parsed = jws.parse(token)
    jws.refuse_other_type(parsed, ACCESS_TOKEN_TYPE)
    return parsed


def read_given_jwks(document: Mapping[str, Any]) -> Mapping[str, PublicKey]:
    try:
        return refuse_no_keys(read_jwks(document))
    except InvalidJwk as error:
        raise ConfigurationError(
            f"The `jwks` given to TokenVerifier is unusable: {error}"
        ) from None


def fetch_jwks(url: str, client: httpx.Client | None) -> Mapping[str, PublicKey]:
    """Raises `httpx.HTTPError` or `InvalidJwk`: an error page never replaces good keys."""
    if client is not None:
        return refuse_no_keys(read_jwks(download_json(url, client)))
    with httpx.Client() as own:
        return refuse_no_keys(read_jwks(download_json(url, own)))


def download_json(url: str, client: httpx.Client) -> Any:
    """No redirects, a limit on time and size."""
    body = b""
    with client.stream(
        "GET", url, timeout=FETCH_TIMEOUT, follow_redirects=False, headers={"Accept": "*/*"}
    ) as answer:
        if answer.status_code != httpx.codes.OK:
            raise InvalidJwk(f"it answered {answer.status_code}")
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > FETCH_MAX_BYTES:
                raise InvalidJwk(f"it is larger than {FETCH_MAX_BYTES} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidJwk("it is not JSON") from None


def refuse_no_keys(keys: Mapping[str, PublicKey]) -> Mapping[str, PublicKey]:
    if not keys:
        raise InvalidJwk("it holds no key that can verify our tokens")
    return keys


def refuse_unsafe_url(url: str, schemes: Collection[str]) -> None:
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        raise ConfigurationError(f"`jwks_url` must look like https://…/jwks.json, not {url!r}.")
    if parts.scheme not in schemes and parts.hostname not in LOOPBACK:
        raise ConfigurationError(
            f"Keys fetched from {url} could be changed on the way: use https, or set "
            "`allow_http=True` on a network that you trust."
        )
