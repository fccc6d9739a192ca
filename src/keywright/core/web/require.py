"""What a route asks for, as FastAPI dependencies: `kw.user(…)` and its kin.

Each is a frozen, hashable object: equal requirements are evaluated once a request, and an
application may name one in `dependency_overrides`. Each is a security scheme to FastAPI, so that
`/docs` can sign in; a dependency of its own for each scheme would cost as much as the check.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, Self

from fastapi import Security
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection, Request

from keywright.core.errors import (
    ConfigurationError,
    Forbidden,
    NotAuthenticated,
    ReauthenticationRequired,
)
from keywright.core.principal import Claims, Principal, User
from keywright.core.roles import Powers, RolePermissions
from keywright.core.web.factory import refuse_requirement_alone
from keywright.core.web.refusal import render_problems_of
from keywright.core.web.route import refuse_unstarted

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.core.context import SecuritySchemes as AnySchemes


class InsufficientScope(Forbidden):
    code = "insufficient_scope"
    title = "This credential may not do that"


class VerificationRequired(Forbidden):
    code = "email_not_verified"
    title = "Your e-mail address is not verified yet"
    detail = "Open the link that was mailed to you, or ask for a new one."


class RoleRequired(Forbidden):
    code = "role_required"


@dataclass(frozen=True)
class Requirement(SecurityBase):
    """Base: authenticates the request, and is described as the bearer scheme. `describe_ours` adds
    the cookie.
    """

    context: Context
    schemes: AnySchemes
    scopes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.schemes.offer(self.scopes)

    @property
    def model(self) -> Any:  # type: ignore[override]  # read where FastAPI describes it
        return self.schemes.bearer.model

    @property
    def scheme_name(self) -> str:  # type: ignore[override]  # likewise; `install` may number it
        name: str = self.schemes.bearer.scheme_name
        return name

    @property
    def __signature__(self) -> inspect.Signature:
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            inspect.Parameter("request", keyword, annotation=HTTPConnection),
            inspect.Parameter("asked", keyword, annotation=SecurityScopes),
        ]
        if self.scopes:  # FastAPI has no other place where it would read them
            scheme = Security(self.schemes.bearer, scopes=list(self.scopes))
            parameters.append(inspect.Parameter("bearer", keyword, default=scheme, annotation=Any))
        return inspect.Signature(parameters)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> NoReturn:
        refuse_requirement_alone(source)

    def __deepcopy__(self, _memo: object) -> NoReturn:
        """FastAPI copies the default of a parameter that was not sent: `Depends` is forgotten."""
        refuse_requirement_alone(User)

    def with_scopes(self, asked: SecurityScopes | None) -> Self:
        """Itself, with the scopes of `Security(kw.user(), scopes=[…])` as FastAPI collects them."""
        if asked is None or not asked.scopes:
            return self
        return replace(self, scopes=(*self.scopes, *asked.scopes))

    async def authenticate(self, request: Request) -> Principal | None:
        refuse_unstarted(self.context)
        return await self.context.authenticator.authenticate(request)

    async def require(self, request: Request) -> Principal:
        principal = await self.authenticate(request)
        if principal is None:
            raise NotAuthenticated(headers={"WWW-Authenticate": "Bearer"})
        return principal

    async def permit(self, principal: Principal) -> Principal:
        """Raise `InsufficientScope`, judged again with a fresh read before."""
        if missing_scope(principal, self.scopes) is not None:
            principal = await self.context.authenticator.reread(principal)
            if (error := missing_scope(principal, self.scopes)) is not None:
                raise error
        return principal


@dataclass(frozen=True)
class UserRequired(Requirement):
    """A signed-in account that meets every condition. What `kw.user(…)` returns."""

    verified: bool = False
    role: str | None = None
    fresh: bool = False

    async def __call__(
        self, request: HTTPConnection, asked: SecurityScopes | None = None, **_credentials: Any
    ) -> User[Any]:
        principal = await self.with_scopes(asked).check(arriving(request))
        assert principal.user is not None
        return principal.user

    async def check(self, request: Request) -> Principal:
        principal = await self.require(request)
        if principal.user is None:
            raise NotAuthenticated
        if self.shortcoming(principal) is not None:
            principal = await self.context.authenticator.reread(principal)
            if (error := self.shortcoming(principal)) is not None:
                raise error
        if self.fresh:
            await require_fresh(self.context, principal)
        return principal

    def shortcoming(self, principal: Principal) -> Forbidden | None:
        """Why the account may not pass. Judged again with a fresh read before it is refused."""
        user = principal.user
        assert user is not None
        if self.verified and not user.email_verified:
            return VerificationRequired()
        if self.role is not None and not has_role(principal, self.role, self.context.roles):
            return role_required(principal, self.role)
        return missing_scope(principal, self.scopes)


@dataclass(frozen=True)
class SessionRequired(UserRequired):
    """As `UserRequired`, answering the principal: for routes of the account itself."""

    async def __call__(  # type: ignore[override]  # the same check, with the whole answer
        self, request: HTTPConnection, asked: SecurityScopes | None = None, **_credentials: Any
    ) -> Principal:
        return await self.with_scopes(asked).check(arriving(request))


@dataclass(frozen=True)
class SessionInGrace(SessionRequired):
    """As `SessionRequired`, also of an account that waits to be purged."""

    async def authenticate(self, request: Request) -> Principal | None:
        refuse_unstarted(self.context)
        return await self.context.authenticator.identify(request)


@dataclass(frozen=True)
class OptionalUser(Requirement):
    """The signed-in account, or None without a credential. A bad credential is still refused."""

    async def __call__(
        self, request: HTTPConnection, asked: SecurityScopes | None = None, **_credentials: Any
    ) -> User[Any] | None:
        principal = await self.authenticate(arriving(request))
        if principal is None:
            return None
        return (await self.with_scopes(asked).permit(principal)).user


@dataclass(frozen=True)
class PrincipalRequired(Requirement):
    """Whoever carries the credential, with the scopes asked for."""

    async def __call__(
        self, request: HTTPConnection, asked: SecurityScopes | None = None, **_credentials: Any
    ) -> Principal:
        return await self.with_scopes(asked).permit(await self.require(arriving(request)))


@dataclass(frozen=True)
class ClaimsRequired(Requirement):
    """Sees a revocation only at the token's expiry; introspection is the other choice.

    The token's signature and claims, without the database.
    """

    async def __call__(
        self, request: HTTPConnection, asked: SecurityScopes | None = None, **_credentials: Any
    ) -> Claims:
        claims = await self.context.authenticator.claims(arriving(request))
        wanted = self.with_scopes(asked).scopes
        missing = [scope for scope in wanted if scope not in claims.scopes]
        if missing:
            raise insufficient_scope(missing)
        return claims


def arriving(connection: HTTPConnection) -> Request:
    """What a host's route was asked for; a refusal of it will be a problem."""
    render_problems_of(connection)
    return as_request(connection)


def as_request(connection: HTTPConnection) -> Request:
    """A handshake as a request that changes something, since whoever holds the socket may: no page
    of another site opens one with a cookie.
    """
    if isinstance(connection, Request):
        return connection
    return Request({**connection.scope, "type": "http", "method": "POST"})


def several(scopes: Iterable[str]) -> tuple[str, ...]:
    """Raise `ConfigurationError` for a string, which Python would read as its letters."""
    if isinstance(scopes, str):
        raise ConfigurationError(f"`scopes` is a list: write scopes={scopes.split()!r}.")
    return tuple(scopes)


def has_role(principal: Principal, role: str, permissions: RolePermissions) -> bool:
    """A token that was narrowed to some scopes has no role that may do more."""
    assert principal.user is not None
    powers = Powers(principal.user.roles, principal.scopes, principal.narrowed)
    return permissions.is_held(role, powers)


def own_session(kw: Context, *, fresh: bool = False) -> SessionRequired:
    """For the account's own routes: a first-party session, whatever scopes others carry."""
    return SessionRequired(kw, kw.schemes, fresh=fresh)


def own_session_in_grace(kw: Context, *, fresh: bool = False) -> SessionInGrace:
    """For the little that stays open while an account waits to be purged."""
    return SessionInGrace(kw, kw.schemes, fresh=fresh)


def role_required(principal: Principal, role: str) -> RoleRequired:
    way = ", by a sign-in that asked for all that it permits" if principal.narrowed else ""
    return RoleRequired(f"This needs the role {role}{way}.")


def missing_scope(principal: Principal, scopes: tuple[str, ...]) -> Forbidden | None:
    missing = [scope for scope in scopes if not principal.may(scope)]
    return insufficient_scope(missing) if missing else None


def insufficient_scope(missing: list[str]) -> InsufficientScope:
    """RFC 6750 §3.1."""
    names = " ".join(missing)
    challenge = f'Bearer error="insufficient_scope", scope="{names}"'
    return InsufficientScope(f"This needs: {names}.", headers={"WWW-Authenticate": challenge})


async def require_fresh(kw: Context, principal: Principal) -> None:
    """The session's row decides freshness, not the token (RFC 9470)."""
    auth_time = await kw.authenticator.auth_time(principal)
    max_age = timedelta(seconds=kw.settings.reauth_max_age)
    if auth_time is None or kw.clock.now() - auth_time > max_age:
        challenge = (
            f'Bearer error="insufficient_user_authentication", max_age={kw.settings.reauth_max_age}'
        )
        raise ReauthenticationRequired(headers={"WWW-Authenticate": challenge})
