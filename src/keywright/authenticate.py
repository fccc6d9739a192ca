"""From a credential to a principal: cookie or bearer token (security.md, "Tokens")."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from starlette.requests import Request

from keywright.accounts.users import service as users
from keywright.core.cache import BoundedCache
from keywright.core.errors import AccountClosing, NotAuthenticated, SessionEnded
from keywright.core.ids import created_at
from keywright.core.notices import Notice, Subject
from keywright.core.principal import (
    SIGNING_IN,
    Claims,
    Principal,
    PrincipalKind,
    User,
    UserStatus,
)
from keywright.core.web.cookies import page_cookie
from keywright.core.web.headers import has_header, header
from keywright.core.web.origin import carries_explicit_credential, refuse_cross_site
from keywright.flows.results import present_user
from keywright.protocol.access_token import (
    ACCESS_TOKEN_TYPE,
    AccessToken,
    check_claims,
)
from keywright.protocol.errors import InvalidToken, Reason
from keywright.protocol.session_claims import SessionClaims, check_session_claims
from keywright.sessions import service as sessions

if TYPE_CHECKING:
    from keywright.core.context import Context

CACHED_USERS = 10_000
USER_SECONDS = 2.0  # well inside the 5 s that a change may take to be seen
SCOPE_KEY = "keywright_principal"


class ExpiredAccessToken(NotAuthenticated):
    code = "token_expired"
    title = "The access token has expired"
    detail = "The access token has expired. Get a new one at /auth/refresh."


class SeveralCredentials(NotAuthenticated):
    status = 400
    code = "several_credentials"
    title = "Two credentials in one request"
    detail = "Send one credential: either Authorization or X-API-Key."


class RequestAuthenticator:
    """Implements `core.principal.Authenticator`. Its cache of accounts is dropped on a notice."""

    def __init__(self, kw: Context) -> None:
        self._kw = kw
        self._users: BoundedCache[UUID, User[Any]] = BoundedCache(CACHED_USERS, USER_SECONDS)
        self._cookie = page_cookie(kw.settings)
        kw.notices.subscribe(self.forget)

    def forget(self, notice: Notice) -> None:
        if notice.kind in {Subject.USER, Subject.USER_CHANGED}:
            self._users.drop(notice.subject)

    async def authenticate(self, request: Request) -> Principal | None:
        principal = await self.identify(request)
        if principal is not None and is_closing(principal.user):
            return await self.reread(principal)  # another process may have cancelled it
        return principal

    async def identify(self, request: Request) -> Principal | None:
        judged: dict[int, Principal | None] = request.scope.setdefault(SCOPE_KEY, {})
        if id(self) not in judged:
            judged[id(self)] = await self.judge(request)
        return judged[id(self)]

    async def judge(self, request: Request) -> Principal | None:
        """An explicit credential wins, and cookies are then ignored."""
        token = bearer_token(request)
        if token is not None:
            return await self.from_token(token)
        secret = self._cookie.read(request)
        if secret is None or carries_explicit_credential(request):
            return None
        refuse_cross_site(request, self._kw.settings)
        return await self.from_page_cookie(secret)

    async def from_token(self, token: str) -> Principal:
        self._kw.notices.require_fresh()
        claims = await self.session_claims(token)
        self.refuse_revoked(claims.sid, claims.sub)
        user = await self.find_user(claims.sub)
        return self.principal(
            user, PrincipalKind.SESSION, claims.sid, claims.amr, claims.scope or None
        )

    async def from_page_cookie(self, secret: str) -> Principal | None:
        """A stale cookie is no credential: the pages then show the sign-in form."""
        kw = self._kw
        session = await sessions.find_by_page_secret(kw.db, kw.settings, secret, kw.clock.now())
        if session is None:
            return None
        user = await self.find_user(session.user_id)
        return self.principal(
            user, PrincipalKind.PAGE, session.id, tuple(session.amr.split()), session.scope
        )

    async def session_claims(self, token: str) -> SessionClaims:
        """Of good signature, type, issuer, audience and time. Raises `NotAuthenticated`."""
        place, now = self._kw.settings.base_url, self._kw.clock.now()
        try:
            payload = await self._kw.keys.read(token, typ=ACCESS_TOKEN_TYPE)
            return check_session_claims(payload, issuer=place, audience=place, now=now)
        except InvalidToken as error:
            raise challenged(error) from None

    async def access_token(self, token: str) -> AccessToken:
        """As `session_claims`, of any access token of ours and with all that it says."""
        place, now = self._kw.settings.base_url, self._kw.clock.now()
        try:
            claims = await self._kw.keys.verify(token, typ=ACCESS_TOKEN_TYPE)
            return check_claims(claims, issuer=place, audience=place, now=now)
        except InvalidToken as error:
            raise challenged(error) from None

    def refuse_revoked(self, session_id: UUID, user_id: UUID) -> None:
        notices, began = self._kw.notices, created_at(session_id)
        if notices.is_revoked(Subject.SESSION, session_id, began) or notices.is_revoked(
            Subject.USER, user_id, began
        ):
            raise SessionEnded

    async def find_user(self, user_id: UUID) -> User[Any]:
        user = self._users.get(user_id)
        if user is None:
            record = await users.find(self._kw.db, user_id)
            if record is None:
                raise SessionEnded
            user = present_user(self._kw, record)
            self._users.put(user_id, user)
        refuse_inactive(user)
        return user

    def principal(
        self,
        user: User[Any],
        kind: PrincipalKind,
        session_id: UUID,
        amr: tuple[str, ...],
        scope: str | None,
    ) -> Principal:
        scopes = self._kw.roles.of(user.roles)
        if scope is not None:
            scopes = frozenset(s for s in scope.split() if s in scopes or "*" in scopes)
        return Principal(kind, user, scopes, session_id, amr, narrowed=scope is not None)

    async def reread(self, principal: Principal) -> Principal:
        if principal.user is None or principal.session_id is None:
            return principal
        self._users.drop(principal.user.id)
        user = await self.find_user(principal.user.id)
        refuse_closing(user)
        scope = " ".join(principal.scopes) if principal.narrowed else None
        return self.principal(user, principal.kind, principal.session_id, principal.amr, scope)

    async def auth_time(self, principal: Principal) -> datetime | None:
        if principal.session_id is None:
            return None
        session = await sessions.find(self._kw.db, principal.session_id)
        return None if session is None else session.auth_time

    async def claims(self, request: Request) -> Claims:
        token = bearer_token(request)
        if token is None:
            raise NotAuthenticated(headers={"WWW-Authenticate": "Bearer"})
        claims = await self.access_token(token)
        return Claims(
            subject=claims.sub,
            session_id=claims.sid,
            scopes=claims.scopes,
            expires_at=datetime.fromtimestamp(claims.exp, UTC),
            raw=claims.to_claims(),
        )


def challenged(error: InvalidToken) -> NotAuthenticated:
    """As RFC 6750 §3 wants a token to be refused; a client may renew one that has expired."""
    refused = ExpiredAccessToken() if error.reason is Reason.EXPIRED else error
    refused.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return refused


def bearer_token(request: Request) -> str | None:
    """None without an Authorization header. Raises `SeveralCredentials` and `NotAuthenticated`."""
    authorization = header(request, b"authorization")
    if authorization is None:
        return None
    refuse_api_key_beside_it(request)
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated(headers={"WWW-Authenticate": "Bearer"})
    return token


def refuse_api_key_beside_it(request: Request) -> None:
    if has_header(request, b"x-api-key"):
        raise SeveralCredentials


def refuse_inactive(user: User[Any]) -> None:
    if user.status not in SIGNING_IN:
        raise SessionEnded


def refuse_closing(user: User[Any]) -> None:
    """Whoever waits to be purged is let in nowhere but where a route says so."""
    if is_closing(user):
        raise AccountClosing


def is_closing(user: User[Any] | None) -> bool:
    return user is not None and user.status is UserStatus.CLOSING
