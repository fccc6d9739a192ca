"""The floor: the least code that does the same job. One plain ASGI application, no framework.

It leaves out what no benchmark asks for (limits, revocation, audit, errors that explain), never
what makes an answer right or durable. Settings: FLOOR_DATABASE and FLOOR_KEY (a PEM file).
"""

from __future__ import annotations

import asyncio
import hmac
import os
from base64 import b64decode
from binascii import Error as BadBase64
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Generic, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import Type, verify_secret

from benchmarks import floor_store as sql
from benchmarks.floor_asgi import Application, Receive, Route, Scope, body_of, header
from benchmarks.floor_messages import Refresh, SignIn, Tokens, User, user_of
from benchmarks.floor_tokens import (
    ACCESS_SECONDS,
    ISSUER,
    Claims,
    Refused,
    Signer,
    access_claims,
    client_claims,
    hash_password,
    new_id,
    read_refresh_token,
    to_json,
    write_refresh_token,
)

IDLE_SECONDS, SESSION_SECONDS = 14 * 86_400, 90 * 86_400
CACHED_TOKENS, CACHED_USERS, USER_SECONDS = 16_384, 10_000, 2.0

Key = TypeVar("Key")
Value = TypeVar("Value")


class Bounded(dict[Key, Value], Generic[Key, Value]):
    """The oldest entry makes room for a new one."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity

    def put(self, key: Key, value: Value) -> None:
        if len(self) >= self._capacity:
            del self[next(iter(self))]
        self[key] = value


class Floor(Application):
    def __init__(self, store: sql.Store, signer: Signer) -> None:
        routes: dict[str, Route] = {
            "/auth/login": self.sign_in,
            "/auth/me": self.who_am_i,
            "/auth/me/fresh": self.who_am_i_now,
            "/auth/me/key": self.whose_api_key,
            "/auth/refresh": self.refresh,
            "/oauth2/introspect": self.introspect,
            "/oauth2/token": self.client_credentials,
            "/oauth2/userinfo": self.userinfo,
            "/.well-known/jwks.json": self.jwks,
        }
        super().__init__(store, routes)
        self.signer = signer
        self._verified: Bounded[bytes, None] = Bounded(CACHED_TOKENS)
        self._users: Bounded[str, tuple[float, User]] = Bounded(CACHED_USERS)
        self._clients: Bounded[str, tuple[float, sql.Row]] = Bounded(CACHED_USERS)
        self._hashing = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
        self._nobody = hash_password("nobody").decode()

    async def jwks(self, _scope: Scope, _receive: Receive) -> bytes:
        return self.signer.jwks

    # Signing in and staying so

    async def sign_in(self, scope: Scope, receive: Receive) -> bytes:
        form = msgspec.json.decode(await body_of(receive), type=SignIn)
        row = await self.store.one(sql.ACCOUNT_BY_EMAIL, form.email.casefold())
        password_hash = self._nobody if row is None else row[-1]
        await self.check_password(password_hash, form.password)
        if row is None:
            raise Refused
        return await self.open_session(row, scope)

    async def check_password(self, password_hash: str, password: str) -> None:
        hashed, typed = password_hash.encode(), password.encode()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._hashing, verify_secret, hashed, typed, Type.ID)
        except VerifyMismatchError:
            raise Refused from None

    async def open_session(self, account: sql.Row, scope: Scope) -> bytes:
        now = int(time())
        session_id, secret = new_id(), os.urandom(32)
        client = scope["client"][0] if scope["client"] else ""
        agent = (header(scope, b"user-agent") or b"").decode("latin-1")
        ends = (now + IDLE_SECONDS, now + SESSION_SECONDS)
        digest = sha256(secret).digest()
        await self.store.open_session(
            session_id, account[0], now, *ends, "pwd", client, agent, digest
        )
        return self.tokens(user_of(account), session_id, secret, now, now)

    async def refresh(self, _scope: Scope, receive: Receive) -> bytes:
        form = msgspec.json.decode(await body_of(receive), type=Refresh)
        session_id, secret = read_refresh_token(form.refresh_token)
        now, successor = int(time()), os.urandom(32)
        row = await self.store.rotate(
            session_id,
            sha256(secret).digest(),
            sha256(successor).digest(),
            now,
            now + IDLE_SECONDS,
        )
        if row is None:
            raise Refused
        return self.tokens(user_of(row), session_id, successor, now, row[-1])

    def tokens(
        self, user: User, session_id: bytes, secret: bytes, now: int, auth_time: int
    ) -> bytes:
        claims = access_claims(user.id, session_id, now, auth_time)
        refresh_token = write_refresh_token(session_id, secret)
        return to_json(Tokens(self.signer.sign(claims), ACCESS_SECONDS, user, refresh_token))

    # Who somebody is

    async def who_am_i(self, scope: Scope, _receive: Receive) -> bytes:
        return to_json(await self.user(header(scope, b"authorization")))

    async def who_am_i_now(self, scope: Scope, _receive: Receive) -> bytes:
        claims = self.claims(header(scope, b"authorization"))
        return to_json(await self.read_user(claims.sub))

    async def whose_api_key(self, scope: Scope, _receive: Receive) -> bytes:
        digest = sha256(header(scope, b"x-api-key") or b"").digest()
        row = await self.store.one(sql.ACCOUNT_BY_API_KEY, digest, int(time()))
        if row is None:
            raise Refused
        return to_json(user_of(row))

    async def userinfo(self, scope: Scope, _receive: Receive) -> bytes:
        user = await self.user(header(scope, b"authorization"))
        claims = {
            "sub": user.id,
            "email": user.email,
            "email_verified": user.email_verified,
            "preferred_username": user.username,
            "name": user.name,
            "locale": user.locale,
        }
        return to_json(claims)

    def claims(self, authorization: bytes | None) -> Claims:
        """A good signature is remembered by the token's digest, and nothing else of anybody: what
        the token says is read each time (security.md, "Tokens").
        """
        token = (authorization or b"").removeprefix(b"Bearer ")
        digest = sha256(token).digest()
        if digest not in self._verified:
            self.signer.verify(token)
            self._verified.put(digest, None)
        return self.signer.read(token, time())

    async def user(self, authorization: bytes | None) -> User:
        subject = self.claims(authorization).sub
        until, user = self._users.get(subject, (0.0, None))
        if user is None or until <= time():
            user = await self.read_user(subject)
            self._users.put(subject, (time() + USER_SECONDS, user))
        return user

    async def read_user(self, subject: str) -> User:
        row = await self.store.one(sql.ACCOUNT_BY_ID, UUID(subject).bytes)
        if row is None:
            raise Refused
        return user_of(row)

    # Clients

    async def introspect(self, scope: Scope, receive: Receive) -> bytes:
        await self.client(header(scope, b"authorization"))
        form = dict(parse_qsl(await body_of(receive)))
        digest = sha256(form.get(b"token", b"")).digest()
        row = await self.store.one(sql.TOKEN, digest, int(time()))
        if row is None:
            return b'{"active":false}'
        client_id, scopes, issued_at, expires_at, account_id, email = row
        answer = {
            "active": True,
            "scope": scopes,
            "client_id": client_id,
            "username": email,
            "token_type": "Bearer",
            "exp": expires_at,
            "iat": issued_at,
            "sub": UUID(bytes=account_id),
            "aud": ISSUER,
            "iss": ISSUER,
        }
        return to_json(answer)

    async def client_credentials(self, scope: Scope, receive: Receive) -> bytes:
        client_id, scopes = await self.client(header(scope, b"authorization"))
        form = dict(parse_qsl(await body_of(receive)))
        if form.get(b"grant_type") != b"client_credentials":
            raise Refused
        claims = client_claims(client_id, scopes, int(time()))
        answer = {
            "access_token": self.signer.sign(claims),
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "scope": scopes,
        }
        return to_json(answer)

    async def client(self, authorization: bytes | None) -> tuple[str, str]:
        """Its id and scopes, when its secret (RFC 6749 §2.3.1) is right."""
        try:
            pair = b64decode((authorization or b"").removeprefix(b"Basic ")).decode()
        except (BadBase64, UnicodeDecodeError):
            raise Refused from None
        client_id, _, secret = pair.partition(":")
        digest, scopes = await self.find_client(client_id)
        if not hmac.compare_digest(digest, sha256(secret.encode()).digest()):
            raise Refused
        return client_id, scopes

    async def find_client(self, client_id: str) -> sql.Row:
        until, row = self._clients.get(client_id, (0.0, None))
        if row is None or until <= time():
            row = await self.store.one(sql.CLIENT, client_id)
            if row is None:
                raise Refused
            self._clients.put(client_id, (time() + USER_SECONDS, row))
        return row


def make_app() -> Floor:
    signer = Signer(Path(os.environ["FLOOR_KEY"]).read_bytes())
    return Floor(sql.store_at(os.environ["FLOOR_DATABASE"]), signer)
