"""What happens to accounts, as applications hear of it (`core.hooks`).

Each event has a stable `name`, the word that stored messages carry, and fields that are JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of every event; an application declares its own the same way."""

    name: ClassVar[str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistered(Event):
    """Somebody signed up. There is no account yet: the address is not proven."""

    name: ClassVar[str] = "user.registered"
    registration_id: UUID
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEvent(Event):
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated(UserEvent):
    """There is an account now, and rows may point at it."""

    name: ClassVar[str] = "user.created"
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserVerified(UserEvent):
    """The account's e-mail address is proven."""

    name: ClassVar[str] = "user.verified"
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUpdated(UserEvent):
    """`fields` are the names of what changed."""

    name: ClassVar[str] = "user.updated"
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEmailChanged(UserEvent):
    """The account has another address, which is proven; also when a change of it was undone.
    `UserUpdated` is told with it, for who copies what it names.
    """

    name: ClassVar[str] = "user.email_changed"
    email: str
    previous_email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDisabled(UserEvent):
    name: ClassVar[str] = "user.disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserClosing(UserEvent):
    """Its owner confirmed that the account may go: it is purged at `deletes_at`, unless somebody
    takes that back.
    """

    name: ClassVar[str] = "user.closing"
    deletes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserReopened(UserEvent):
    """The account was about to be deleted, and stays."""

    name: ClassVar[str] = "user.reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeleting(UserEvent):
    """The account is emptied in this very transaction, after the `on` hooks: it can still be read,
    and what points at it deleted or made anonymous. What one raises undoes all of it; a purge is
    then tried again later, and administrators see why it failed.
    """

    name: ClassVar[str] = "user.deleting"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeleted(UserEvent):
    """The account is a tombstone now: rows that point at it still may, and should go."""

    name: ClassVar[str] = "user.deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserExported(UserEvent):
    """Somebody who is signed in to the account downloaded all that is held about it."""

    name: ClassVar[str] = "user.exported"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(UserEvent):
    """`amr` says how, in the words of RFC 8176."""

    name: ClassVar[str] = "user.signed_in"
    session_id: UUID
    amr: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut(UserEvent):
    name: ClassVar[str] = "user.signed_out"
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRevoked(UserEvent):
    """A session was ended for somebody: from the list of devices, by an administrator, by another
    password, to make room for a newer one, or because its refresh token was copied.

    Signing out is `SignedOut`; a session that ran out is not told of.
    """

    name: ClassVar[str] = "session.revoked"
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(UserEvent):
    """Its owner, signed in, chose another password."""

    name: ClassVar[str] = "user.password_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordReset(UserEvent):
    """A mailed link gave the account another password."""

    name: ClassVar[str] = "user.password_reset"
