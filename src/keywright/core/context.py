"""What one Keywright is made of. `integration.Keywright` fills it; routes and flows receive it.

There is no module-level instance: two Keywrights in one process share nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import BaseModel

    from keywright.core.clock import Clock
    from keywright.core.crypto import MasterSecrets
    from keywright.core.db import Database, Transaction
    from keywright.core.hooks import Hooks
    from keywright.core.notices import Notices
    from keywright.core.notifications import Notifications
    from keywright.core.principal import Authenticator
    from keywright.core.ratelimit import Limits
    from keywright.core.roles import RolePermissions
    from keywright.core.settings import Settings


class TokenKeys(Protocol):
    """Signs what we issue and verifies it again (`keys.ring.KeyRing`)."""

    def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """A compact JWS over `claims` with the current signing key."""
        ...

    async def verify(self, token: str, *, typ: str) -> dict[str, Any]:
        """The claims of a token of this type that we signed, themselves still unchecked.

        Raises `InvalidToken`.
        """
        ...

    async def read(self, token: str, *, typ: str) -> bytes:
        """The same as JSON."""
        ...

    def jwks(self) -> Mapping[str, Any]:
        """The public keys to publish (RFC 7517 §5)."""
        ...

    def jwks_document(self) -> bytes:
        """`jwks` as JSON."""
        ...


class PasswordHasher(Protocol):
    """Argon2id in a bounded, fair pool (`accounts.passwords.hasher`)."""

    async def hash(self, password: str, *, network: str | None, account: str) -> str: ...

    async def verify(
        self,
        stored: str | None,
        password: str,
        *,
        network: str | None,
        account: str,
        known_device: bool = False,
    ) -> bool:
        """`stored=None` costs the same time as a real hash and answers False."""
        ...

    def needs_rehash(self, stored: str) -> bool: ...


class SecuritySchemes(Protocol):
    """The ways to show a credential, as OpenAPI describes them (`core.web.schemes`)."""

    bearer: Any
    cookie: Any

    @property
    def login(self) -> str: ...

    def offer(self, scopes: Iterable[str]) -> None: ...

    def move_login(self, settings: Any) -> None: ...

    def number(self, number: int) -> None: ...


class PasswordPolicy(Protocol):
    """What a new password must be (`accounts.passwords.policy`)."""

    async def check(self, password: str, *, about: Iterable[str], field: str = "password") -> None:
        """`about` are words that the person is known by. Raises `WeakPassword` and its kin."""
        ...


class Outbox(Protocol):
    """Messages that are written with a change and delivered after it (`outbox.writer`)."""

    async def add(self, tx: Transaction, kind: str, payload: Mapping[str, Any]) -> None:
        """A job for the courier: its handler runs after this transaction's COMMIT."""
        ...

    async def mail(self, tx: Transaction, mail: Any) -> None:
        """One of `outbox.channels.mail.mails`, sent after this transaction's COMMIT."""
        ...

    async def erase(self, tx: Transaction, concerns: Callable[[Mapping[str, Any]], bool]) -> int:
        """Forget the waiting messages whose payload `concerns` somebody; answers how many."""
        ...


@dataclass(slots=True, eq=False)
class Context:
    settings: Settings
    db: Database
    clock: Clock
    secrets: MasterSecrets
    limits: Limits
    notices: Notices
    hooks: Hooks
    roles: RolePermissions
    keys: TokenKeys
    outbox: Outbox
    passwords: PasswordHasher
    password_policy: PasswordPolicy
    notifications: Notifications
    schemes: SecuritySchemes = field(init=False)  # one for all routes: OpenAPI names it once
    authenticator: Authenticator = field(init=False)  # knows the context, so it comes after
    started: bool = field(default=False, init=False)
    profile: type[BaseModel] | None = None
