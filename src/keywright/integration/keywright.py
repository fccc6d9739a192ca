from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Generic, cast
from uuid import UUID

from fastapi import FastAPI, Form
from pydantic import BaseModel
from starlette.requests import Request
from typing_extensions import TypeVar

from keywright.accounts.users.addresses import EMAIL_LENGTH
from keywright.core.clock import Clock, SystemClock
from keywright.core.db import Database, Transaction
from keywright.core.db.url import open_database
from keywright.core.errors import ConfigurationError, KeywrightError
from keywright.core.hooks import Hooks
from keywright.core.notifications import Notification
from keywright.core.principal import User
from keywright.core.settings import Settings, load_settings, read_prefix
from keywright.core.unsafe_settings import refuse_unsafe
from keywright.core.web.caller import resolve_caller
from keywright.core.web.cookies import device_cookie
from keywright.core.web.factory import requirement_factory
from keywright.core.web.openapi import describe_ours
from keywright.core.web.refusal import render_problems_of, render_refusal
from keywright.core.web.require import (
    ClaimsRequired,
    OptionalUser,
    PrincipalRequired,
    UserRequired,
    several,
)
from keywright.core.web.route import refuse_unstarted
from keywright.core.web.schemes import SecuritySchemes
from keywright.flows.administer_users import NewUser, create_user
from keywright.flows.administrators import Actor
from keywright.flows.notification_choices import wants_mail
from keywright.flows.profiles import check_profile
from keywright.flows.results import BearerToken
from keywright.flows.sign_in import SignInForm, sign_in_for_api
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
    the application keeps with each account. `permissions` says what each role may do.
    `notifications` names the kinds of mail that people may switch off, each with what they read
    beside it: `{"price_alert": "Price alerts"}`. Raises `ConfigurationError` with what to set.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        profile: type[Profile] | None = None,
        permissions: Mapping[str, Iterable[str]] | None = None,
        notifications: Mapping[str, str | Notification] | None = None,
        clock: Clock | None = None,
        database: Database | None = None,
        workers: int = 1,
    ) -> None:
        self.settings = settings or load_settings()
        refuse_unsafe(self.settings)
        model = cast("type[BaseModel] | None", profile)  # its bound allows nothing else
        self._fit = partial(
            assemble,
            workers=workers,
            profile=model,
            permissions=permissions,
            notifications=notifications,
        )
        db = database or open_database(self.settings.effective_database_url)
        self.parts = self._fit(self.settings, db=db, clock=clock or SystemClock())
        self.context = self.parts.context
        self.context.schemes = SecuritySchemes(self.settings)

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

    @requirement_factory
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
        `role`: holds it, or one above it; a token narrowed to some scopes, only where these are
        all that the role permits. `fresh`: proved themselves in the last
        `reauth_max_age` seconds.
        """
        return UserRequired(
            self.context,
            self.context.schemes,
            several(scopes),
            verified=verified,
            role=role,
            fresh=fresh,
        )

    @requirement_factory
    def superuser(self) -> UserRequired:
        """`kw.user(role="admin")`."""
        return self.user(role="admin")

    @requirement_factory
    def require_role(self, role: str) -> UserRequired:
        """`kw.user(role=…)`."""
        return self.user(role=role)

    @requirement_factory
    def require_scopes(self, *scopes: str) -> PrincipalRequired:
        """`kw.principal(scopes=…)`."""
        return self.principal(scopes=scopes)

    @requirement_factory
    def optional_user(self) -> OptionalUser:
        """A dependency: the signed-in `User`, or None for a request without a credential."""
        return OptionalUser(self.context, self.context.schemes)

    @requirement_factory
    def principal(self, *, scopes: Iterable[str] = ()) -> PrincipalRequired:
        """A dependency: whoever carries the credential, with the scopes asked for."""
        return PrincipalRequired(self.context, self.context.schemes, several(scopes))

    @requirement_factory
    def claims(self, *, scopes: Iterable[str] = ()) -> ClaimsRequired:
        """Sees a revocation only at the token's expiry; introspection is the other choice.

        A dependency: the access token's claims, by its signature and without the database.
        """
        return ClaimsRequired(self.context, self.context.schemes, several(scopes))

    async def sign_in(
        self,
        request: Request,
        username: Annotated[str, Form(max_length=EMAIL_LENGTH)],
        password: Annotated[str, Form(max_length=1024, json_schema_extra={"format": "password"})],
        scope: Annotated[str, Form(max_length=1000)] = "",
    ) -> BearerToken:
        """Sign in with e-mail address and password, for a route of your own; or as one:

            app.post("/login/access-token")(kw.sign_in)

        reads the OAuth2 password form (RFC 6749 §4.3.2). A wrong password, an unknown address and
        a disabled account can't be told apart. Raises `InvalidCredentials`, `EmailNotVerified`,
        `TooManyRequests`, `Overloaded`.
        """
        kw = self.context
        render_problems_of(request)
        refuse_unstarted(kw)
        form = SignInForm(
            username, password, scope, device=device_cookie(kw.settings).read(request)
        )
        signed_in = await sign_in_for_api(kw, form, resolve_caller(request, kw.settings))
        return BearerToken(signed_in.tokens.access_token, signed_in.tokens.expires_in)

    async def create_user(
        self,
        email: str,
        *,
        password: str | None = None,
        username: str | None = None,
        name: str | None = None,
        roles: Iterable[str] = (),
        profile: Profile | None = None,
    ) -> User[Profile]:
        """Make a verified account: you vouch for its address. Without a password its owner is
        mailed a link to choose one. Raises `EmailTaken`, `UsernameTaken`, `WeakPassword`,
        `InvalidInput`.
        """
        given = cast("BaseModel | None", profile)
        kept = check_profile(self.context, given.model_dump(mode="json") if given else None)
        wanted = NewUser(email, password, username, name, profile=kept, roles=tuple(roles))
        return await create_user(self.context, wanted, Actor())

    async def wants_mail(self, user_id: UUID, notification: str) -> bool:
        """Whether to send somebody a mail of this kind now, where no request says who they are.

            if await kw.wants_mail(product.user_id, "price_alert"): ...

        False for an account that is not active, or whose address is not proven.
        """
        return await wants_mail(self.context, user_id, notification)

    def install(
        self, app: FastAPI, *, prefix: str | None = None, include: Iterable[str] = GROUPS
    ) -> None:
        """Add routes, a wrapped lifespan (yours keeps working) and a handler for our own errors.

        `prefix` is where the JSON API goes (`api_prefix` unless given); `include` names groups of
        routes. Nothing else of the application changes.
        """
        if prefix is not None:
            self._move_api(prefix)
        describe_ours(app, self.context.schemes)
        self.routes = collect_routes(self.parts, include=include)
        app.include_router(self.routes)
        app.add_exception_handler(KeywrightError, render_refusal)  # type: ignore[arg-type]  # for both, which Starlette's types do not know
        wrap_lifespan(app, self.lifespan)

    def _move_api(self, prefix: str) -> None:
        """Cookies and `/docs` must name the place where the API really is."""
        try:
            api_prefix = read_prefix(prefix)
        except ValueError as error:
            raise ConfigurationError(f"install(prefix={prefix!r}): a prefix {error}.") from None
        self.settings = self.settings.model_copy(update={"api_prefix": api_prefix})
        self.context.settings = self.settings
        self.context.schemes.move_login(self.settings)

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
        inside.context.schemes = self.context.schemes
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


def wrap_lifespan(app: FastAPI, lifespan: Callable[[], AbstractAsyncContextManager[None]]) -> None:
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def wrapped(application: Any) -> AsyncIterator[Any]:
        async with lifespan(), inner(application) as state:
            yield state

    app.router.lifespan_context = wrapped
