from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, cast

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypeVar

from keywright.core.clock import Clock, SystemClock
from keywright.core.db import Database, Transaction
from keywright.core.db.url import open_database
from keywright.core.errors import KeywrightError
from keywright.core.hooks import Hooks
from keywright.core.settings import Settings, load_settings, refuse_unsafe
from keywright.core.web.caller import request_id_of
from keywright.core.web.problem import Problem, problem_response
from keywright.core.web.require import (
    ClaimsRequired,
    OptionalUser,
    PrincipalRequired,
    SecuritySchemes,
    UserRequired,
)
from keywright.integration.assemble import assemble
from keywright.integration.lifecycle import running
from keywright.integration.mounting import GROUPS, collect_routes
from keywright.outbox.channels.mail.message import MailTransport

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

Profile = TypeVar("Profile", bound=BaseModel | None, default=None)


class Keywright(Generic[Profile]):
    """Accounts, sessions and tokens for one application.

        kw = Keywright()
        kw.install(app)

        @app.get("/images")
        async def images(user: Annotated[User, Depends(kw.user(verified=True))]): ...

    `settings` come from the environment unless given. `profile` is a pydantic model of fields that
    the application keeps with each account. `permissions` says what each role may do. Raises
    `ConfigurationError` with what to set.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        profile: type[Profile] | None = None,
        permissions: Mapping[str, Iterable[str]] | None = None,
        clock: Clock | None = None,
        database: Database | None = None,
        workers: int = 1,
    ) -> None:
        self.settings = settings or load_settings()
        refuse_unsafe(self.settings)
        model = cast("type[BaseModel] | None", profile)  # its bound allows nothing else
        self._fit = partial(assemble, workers=workers, profile=model, permissions=permissions)
        db = database or open_database(self.settings.effective_database_url)
        self.parts = self._fit(self.settings, db=db, clock=clock or SystemClock())
        self.context = self.parts.context
        self.schemes = SecuritySchemes(self.settings)

    def refit(
        self,
        settings: Settings,
        *,
        database: Database,
        clock: Clock,
        transports: Sequence[MailTransport],
    ) -> None:
        """Put other parts in, before it runs: what `keywright.testing` does for each test."""
        self.settings = settings
        self.parts = self._fit(
            settings, db=database, clock=clock, transports=transports, context=self.context
        )

    @property
    def hooks(self) -> Hooks:
        return self.context.hooks

    def user(
        self,
        *,
        verified: bool = False,
        scopes: Iterable[str] = (),
        role: str | None = None,
        fresh: bool = False,
    ) -> UserRequired:
        """A dependency: the signed-in `User`, who meets every condition.

        `verified`: the e-mail address is proven. `scopes`: the credential may do all of these.
        `role`: holds it, or one above it. `fresh`: proved themselves in the last
        `reauth_max_age` seconds.
        """
        return UserRequired(
            self.context, self.schemes, tuple(scopes), verified=verified, role=role, fresh=fresh
        )

    def superuser(self) -> UserRequired:
        """`kw.user(role="admin")`."""
        return self.user(role="admin")

    def require_role(self, role: str) -> UserRequired:
        """`kw.user(role=…)`."""
        return self.user(role=role)

    def require_scopes(self, *scopes: str) -> PrincipalRequired:
        """`kw.principal(scopes=…)`."""
        return self.principal(scopes=scopes)

    def optional_user(self) -> OptionalUser:
        """A dependency: the signed-in `User`, or None for a request without a credential."""
        return OptionalUser(self.context, self.schemes)

    def principal(self, *, scopes: Iterable[str] = ()) -> PrincipalRequired:
        """A dependency: whoever carries the credential, with the scopes asked for."""
        return PrincipalRequired(self.context, self.schemes, tuple(scopes))

    def claims(self, *, scopes: Iterable[str] = ()) -> ClaimsRequired:
        """Sees a revocation only at the token's expiry; introspection is the other choice.

        A dependency: the access token's claims, by its signature and without the database.
        """
        return ClaimsRequired(self.context, self.schemes, tuple(scopes))

    def install(
        self, app: FastAPI, *, prefix: str | None = None, include: Iterable[str] = GROUPS
    ) -> None:
        """Add routes, a wrapped lifespan (yours keeps working) and a handler for our own errors.

        `prefix` is where the JSON API goes (`api_prefix` unless given); `include` names groups of
        routes. Nothing else of the application changes.
        """
        where = self.settings.api_prefix if prefix is None else prefix
        self.schemes.move_login(f"{where}/auth/login")
        app.include_router(collect_routes(self.parts, prefix=where, include=include))
        app.add_exception_handler(KeywrightError, render_error)
        wrap_lifespan(app, self.lifespan)
        describe_problems(app)

    def orm_session(
        self, tx: Transaction, **options: Any
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """In a hook: an SQLAlchemy `AsyncSession` that joins `tx` as a savepoint."""
        from keywright.integration.orm import orm_session

        return orm_session(tx, **options)

    @asynccontextmanager
    async def using(self, connection: AsyncConnection) -> AsyncIterator[Keywright[Profile]]:
        """Keywright inside your own transaction: what it writes stands when you commit.

            async with engine.connect() as connection, kw.using(connection) as inside:
                await inside.create_user(…)
                await connection.commit()

        Leave it after your COMMIT: that is when messages are sent and caches are told.
        """
        from keywright.core.db.borrowed import Borrowed

        borrowed = Borrowed(connection)
        inside = copy(self)
        inside.context = replace(self.context, db=borrowed)
        inside.context.authenticator = self.context.authenticator
        inside.context.started = self.context.started
        yield inside
        if not connection.in_transaction():
            borrowed.committed()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Run Keywright: enter it in the outer application's lifespan when `app` is mounted."""
        async with running(self.parts):
            yield


async def render_error(request: Request, error: Exception) -> Response:
    """Our own exception class, wherever a dependency of ours raised it."""
    assert isinstance(error, KeywrightError)
    return problem_response(error, request_id_of(request))


def wrap_lifespan(app: FastAPI, lifespan: Callable[[], AbstractAsyncContextManager[None]]) -> None:
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def wrapped(application: Any) -> AsyncIterator[Any]:
        async with lifespan(), inner(application) as state:
            yield state

    app.router.lifespan_context = wrapped


def describe_problems(app: FastAPI) -> None:
    """Add the `Problem` schema that our routes' error answers refer to."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault(
            "Problem", Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        )
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it
