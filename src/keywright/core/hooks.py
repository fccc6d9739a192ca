"""Where applications join in: typed events, and sources of token claims and of exports.

    @kw.hooks.on(UserCreated)
    async def give_a_welcome_gift(event: UserCreated, tx: Transaction) -> None: ...

    @kw.hooks.after(UserCreated)
    async def tell_the_crm(event: UserCreated) -> None: ...

`on` runs in the transaction and writes through `tx` alone: one second at the most, no network, and
what it raises rolls everything back. `after` runs once the change is on disk, through the outbox,
at least once. Claims are asked for before anything is written, so a source that fails costs no
more than this try.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from keywright.core.errors import ConfigurationError, KeywrightError, Unavailable
from keywright.core.events import Event
from keywright.core.exporting import ExportSource, collect, refuse_name
from keywright.core.log import get_logger
from keywright.core.principal import User

if TYPE_CHECKING:
    from keywright.core.db import Handle, Transaction

E = TypeVar("E", bound=Event)
OnHook = Callable[[E, "Transaction"], Awaitable[None]]
AfterHook = Callable[[E], Awaitable[None]]
ClaimsSource = Callable[[User[Any]], Awaitable[Mapping[str, Any]]]
AnyOnHook = Callable[[Any, "Transaction"], Awaitable[None]]

log = get_logger("keywright.hooks")
ON_HOOK_SECONDS = 1.0
MESSAGE_KIND = "hook"
RESERVED_CLAIMS = frozenset().union(
    ("iss", "sub", "aud", "exp", "nbf", "iat", "jti"),  # RFC 7519 §4.1
    ("auth_time", "acr", "amr", "azp", "nonce", "at_hash", "c_hash"),  # OpenID Connect Core §2, §3
    ("client_id", "scope", "roles", "groups", "entitlements"),  # RFC 9068 §2.2
    ("act", "may_act"),  # RFC 8693 §4
    ("cnf",),  # RFC 7800 §3.1
    ("sid", "email", "email_verified", "permissions", "typ"),  # our own, and what looks like it
)


class HookTimeout(KeywrightError):
    """An `on` hook held the transaction for longer than a second."""

    status = 503
    code = "hook_timeout"
    title = "The application took too long"
    detail = "The application took too long to take part in this. Nothing was changed."


class ClaimsUnavailable(Unavailable):
    """A claims source raised: no token can be signed that says what it should."""

    code = "claims_unavailable"
    detail = "The application cannot say right now what you may use. Please try again in a moment."


class Outbox(Protocol):
    """What hooks need of the outbox (`core.context.Outbox`)."""

    async def add(self, tx: Transaction, kind: str, payload: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Registered:
    event_type: type[Event]
    call: Callable[[Any], Awaitable[None]]


class Hooks:
    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._on: dict[type[Event], list[AnyOnHook]] = {}
        self._after: dict[str, Registered] = {}
        self._claims_sources: list[ClaimsSource] = []
        self._exports: dict[str, ExportSource] = {}

    def write_to(self, outbox: Outbox) -> None:
        """Hand the messages of `after` hooks to another outbox."""
        self._outbox = outbox

    def on(self, event_type: type[E]) -> Callable[[OnHook[E]], OnHook[E]]:
        """Run the function in the transaction that makes the event: `(event, tx)`."""
        refuse_unnamed(event_type)

        def register(hook: OnHook[E]) -> OnHook[E]:
            refuse_synchronous(hook)
            self._on.setdefault(event_type, []).append(hook)
            return hook

        return register

    def after(self, event_type: type[E]) -> Callable[[AfterHook[E]], AfterHook[E]]:
        """Run the function after the commit, at least once: `(event)`."""
        refuse_unnamed(event_type)

        def register(hook: AfterHook[E]) -> AfterHook[E]:
            refuse_synchronous(hook)
            key = f"{event_type.name}:{name_of(hook)}"
            if key in self._after:
                raise ConfigurationError(
                    f"Two hooks after {event_type.name} are called {name_of(hook)}: waiting "
                    "messages find their hook by its name, so give one of them another."
                )
            self._after[key] = Registered(event_type, hook)
            return hook

        return register

    def claims(self, source: ClaimsSource) -> ClaimsSource:
        """Add the function's answer to every access token: `(user) -> claims`."""
        refuse_synchronous(source)
        self._claims_sources.append(source)
        return source

    def exports(self, name: str) -> Callable[[ExportSource], ExportSource]:
        """Add the function's answer to what people export of their accounts, below this name:
        `(user, db) -> anything that is JSON`; `db` reads and does not write.
        """
        refuse_name(name, self._exports)

        def register(source: ExportSource) -> ExportSource:
            refuse_synchronous(source)
            self._exports[name] = source
            return source

        return register

    def has_on(self, *event_types: type[Event]) -> bool:
        """Whether the flow must ask for `db.transaction(alone=True)`."""
        return any(event_type in self._on for event_type in event_types)

    @property
    def has_claims(self) -> bool:
        return bool(self._claims_sources)

    async def emit(self, tx: Transaction, event: Event) -> None:
        """Run the `on` hooks and write a message for each `after` hook, in this transaction.

        Raises what a hook raises, and `HookTimeout`.
        """
        await self._run_on_hooks(tx, event)
        for key, hook in self._after.items():
            if hook.event_type is type(event):
                payload = {"hook": key, "event": msgspec.to_builtins(event)}
                await self._outbox.add(tx, MESSAGE_KIND, payload)

    async def deliver(self, payload: Mapping[str, Any]) -> None:
        """Run the one `after` hook that a message of `MESSAGE_KIND` is for."""
        hook = self._after.get(payload["hook"])
        if hook is None:
            raise ConfigurationError(f"This process has no hook {payload['hook']}.")
        await hook.call(msgspec.convert(payload["event"], hook.event_type))

    async def collect_claims(self, user: User[Any]) -> dict[str, Any]:
        """Every source's claims.

        Raises `ConfigurationError` for a claim that is ours, and `ClaimsUnavailable`.
        """
        claims: dict[str, Any] = {}
        for source in self._claims_sources:
            added = await ask(source, user)
            refuse_reserved_claims(added)
            claims.update(added)
        return claims

    async def collect_exports(self, user: User[Any], db: Handle) -> dict[str, bytes]:
        """Every source's answer, as JSON. Raises `ExportUnavailable`."""
        return await collect(self._exports, user, db)

    async def _run_on_hooks(self, tx: Transaction, event: Event) -> None:
        hooks = self._on.get(type(event))
        if not hooks:
            return
        try:
            async with asyncio.timeout(ON_HOOK_SECONDS) as deadline:
                for hook in hooks:
                    await hook(event, tx)
        except TimeoutError:
            if deadline.expired():
                raise HookTimeout from None
            raise
        except asyncio.CancelledError as error:
            if is_being_cancelled():
                raise
            raise RuntimeError("A hook awaited what was cancelled.") from error


def is_being_cancelled() -> bool:
    """The task at hand itself, and not only what it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def ask(source: ClaimsSource, user: User[Any]) -> Mapping[str, Any]:
    """What the source says. An error of ours is its own refusal; of any other the caller learns
    that it is worth another try, and the log which it was.
    """
    try:
        return await source(user)
    except KeywrightError:
        raise
    except Exception as error:
        log.exception("claims_source_failed", source=name_of(source))
        raise ClaimsUnavailable from error


def refuse_reserved_claims(claims: Mapping[str, Any]) -> None:
    """A source adds to a token; it never changes what the token is."""
    if taken := sorted(RESERVED_CLAIMS & claims.keys()):
        raise ConfigurationError(
            f"A claims source set {', '.join(taken)}, which Keywright or a standard defines: use a "
            "name of your own, such as https://example.com/plan."
        )


def refuse_synchronous(hook: Callable[..., Any]) -> None:
    if not inspect.iscoroutinefunction(hook) and not inspect.iscoroutinefunction(
        getattr(hook, "__call__", None)  # noqa: B004 - an object may have an async __call__
    ):
        raise TypeError(f"{name_of(hook)} must be `async def`: hooks run on the event loop.")


def refuse_unnamed(event_type: type[Event]) -> None:
    if not isinstance(getattr(event_type, "name", None), str):
        raise TypeError(f"{event_type.__name__} is no event: give it a `name` of its own.")


def name_of(hook: Callable[..., Any]) -> str:
    return f"{hook.__module__}.{getattr(hook, '__qualname__', type(hook).__qualname__)}"
