"""An administrator makes, edits and deletes accounts, and takes them out of use and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from keywright.accounts.closings import service as closings
from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.link_tokens.models import LinkPurpose
from keywright.accounts.registrations import service as registrations
from keywright.accounts.users import service as users
from keywright.accounts.users.addresses import (
    check_email,
    check_username,
    refuse_control_characters,
)
from keywright.accounts.users.errors import EmailTaken, UnknownRole, UsernameTaken
from keywright.accounts.users.models import UserRecord
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core import idempotency
from keywright.core.db import Transaction
from keywright.core.errors import FieldError, InvalidInput
from keywright.core.events import (
    SessionRevoked,
    UserCreated,
    UserDisabled,
    UserUpdated,
    UserVerified,
)
from keywright.core.idempotency import Claim
from keywright.core.principal import User, UserStatus
from keywright.flows.administrators import (
    Actor,
    administering,
    lock_and_judge,
    recorded_denials,
    refuse_greater_grant,
)
from keywright.flows.edit_profile import complete_changes
from keywright.flows.end_credentials import end_every_credential
from keywright.flows.purge_account import PURGE_EVENTS, purge, say_goodbye
from keywright.flows.recover_account import SEND_RESET
from keywright.flows.results import present_user

if TYPE_CHECKING:
    from keywright.core.context import Context

NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class NewUser:
    email: str
    password: str | None = field(default=None, repr=False)
    username: str | None = None
    name: str | None = None
    locale: str | None = None
    profile: Mapping[str, Any] | None = None
    roles: tuple[str, ...] = ()


def check_new_user(kw: Context, wanted: NewUser) -> NewUser:
    """What can be refused before anybody thinks of a password; the address as it is stored.

    Raises `UnknownRole`, `InvalidEmail`, `InvalidUsername`, `InvalidInput`.
    """
    require_known_roles(kw, wanted.roles)
    refuse_long_name(wanted.name)
    refuse_control_characters(wanted.name)
    email = check_email(wanted.email)
    username = check_username(wanted.username) if wanted.username else None
    return replace(wanted, email=email, username=username)


def refuse_long_name(name: str | None) -> None:
    if name and len(name) > NAME_LENGTH:
        detail = f"A name has at most {NAME_LENGTH} characters."
        raise InvalidInput(detail, errors=[FieldError("name", "too_long", detail)])


async def create_user(
    kw: Context, wanted: NewUser, actor: Actor, claim: Claim | None = None
) -> User[Any]:
    """Make a verified account: the administrator vouches for its address. A `claim` is finished
    with it.

    Without a password its owner is mailed a link to choose one. Raises what `check_new_user`
    does, `EmailTaken`, `UsernameTaken`, `GreaterGrant`, and `WeakPassword` and its kin.
    """
    wanted = check_new_user(kw, wanted)
    await refuse_taken_names(kw, wanted)
    password_hash = await hash_given_password(kw, wanted, actor)
    async with (
        recorded_denials(kw, actor, AuditEvent.USER_CREATED, None),
        kw.db.transaction(alone=kw.hooks.has_on(UserCreated, UserVerified)) as tx,
    ):
        powers = await lock_and_judge(kw, tx, actor)
        refuse_greater_grant(kw, powers, wanted.roles)
        now = kw.clock.now()
        record = await users.create(
            tx,
            email=wanted.email,
            password_hash=password_hash,
            now=now,
            verified=True,
            username=wanted.username,
            name=wanted.name,
            locale=wanted.locale,
            profile=wanted.profile,
            roles=wanted.roles,
        )
        await registrations.drop_all_for(tx, record.email_folded)
        if password_hash is None:
            await ask_owner_for_password(kw, tx, record)
        await note(kw, tx, AuditEvent.USER_CREATED, record, actor, roles=record.role_names)
        await kw.hooks.emit(tx, UserCreated(at=now, user_id=record.id, email=record.email))
        await kw.hooks.emit(tx, UserVerified(at=now, user_id=record.id, email=record.email))
        if claim is not None:
            await idempotency.finish(tx, claim, status=201, resource_id=record.id, now=now)
    return present_user(kw, record)


async def refuse_taken_names(kw: Context, wanted: NewUser) -> None:
    """Before the hash is made; the row itself settles a race."""
    if await users.email_is_taken(kw.db, wanted.email, kw.clock.now()):
        raise EmailTaken(f"There is an account with the e-mail address {wanted.email} already.")
    if wanted.username and await users.username_is_taken(kw.db, wanted.username):
        raise UsernameTaken


async def hash_given_password(kw: Context, wanted: NewUser, actor: Actor) -> str | None:
    if wanted.password is None:
        return None
    words = [word for word in (wanted.email, wanted.username, wanted.name) if word]
    await kw.password_policy.check(wanted.password, about=words)
    network = actor.caller.network if actor.caller else None
    return await kw.passwords.hash(wanted.password, network=network, account=wanted.email)


async def ask_owner_for_password(kw: Context, tx: Transaction, record: UserRecord) -> None:
    """The worker makes the link when it mails it, so that its hour begins there."""
    payload = {"email": record.email_folded, "network": None, "device": None}
    await kw.outbox.add(tx, SEND_RESET, payload)


async def create_reset_token(kw: Context, user_id: UUID) -> str:
    """A token for `/reset-password`, for a person who cannot be mailed: development shows it."""
    async with kw.db.transaction() as tx:
        token, _ = await link_tokens.create(
            tx, purpose=LinkPurpose.RESET_PASSWORD, user_id=user_id, now=kw.clock.now()
        )
    return token


async def edit_user(
    kw: Context, user_id: UUID, changes: Mapping[str, Any], actor: Actor
) -> User[Any]:
    """Change `name`, `username`, `locale` or `profile` of somebody.

    Raises `InvalidInput`, `InvalidUsername`, `UsernameTaken`, and what `administering` does.
    """
    event = AuditEvent.USER_UPDATED
    async with administering(kw, actor, user_id, event, UserUpdated) as change:
        values = complete_changes(kw, change.record, changes)
        record = await users.change_details(change.tx, change.record, values, kw.clock.now())
        fields = sorted(changes)
        await note(kw, change.tx, event, record, actor, fields=fields)
        await tell_of_change(kw, change.tx, record, *fields)
    return present_user(kw, record)


async def disable_user(kw: Context, user_id: UUID, actor: Actor) -> bool:
    """Take the account out of use: sessions, tokens and mailed links end with it, here at once
    and in every other process within 5 s. False when it is disabled already.

    Raises `LastAdministrator`, and what `administering` does.
    """
    event = AuditEvent.USER_DISABLED
    async with administering(kw, actor, user_id, event, UserDisabled, SessionRevoked) as change:
        if change.record.status is UserStatus.DISABLED:
            return False
        await users.disable(change.tx, user_id, kw.clock.now())
        await end_every_credential(kw, change.tx, user_id)
        await note(kw, change.tx, event, change.record, actor)
        await kw.hooks.emit(change.tx, UserDisabled(at=kw.clock.now(), user_id=user_id))
    return True


async def enable_user(kw: Context, user_id: UUID, actor: Actor) -> bool:
    """The person may sign in again; what was ended stays ended, and a deletion that they confirmed
    before still stands. False when it is not disabled.

    Raises what `administering` does.
    """
    event = AuditEvent.USER_ENABLED
    async with administering(kw, actor, user_id, event, UserUpdated) as change:
        if change.record.status is not UserStatus.DISABLED:
            return False
        closing = await closings.find(change.tx, user_id) is not None
        await users.enable(change.tx, user_id, kw.clock.now(), closing=closing)
        await note(kw, change.tx, event, change.record, actor)
        await tell_of_change(kw, change.tx, change.record, "status")
    return True


async def sign_user_out(kw: Context, user_id: UUID, actor: Actor) -> int:
    """End every session of the account; answers how many. The person may sign in again.

    Raises what `administering` does.
    """
    event = AuditEvent.SESSIONS_REVOKED
    async with administering(kw, actor, user_id, event, SessionRevoked) as change:
        ended = await end_every_credential(kw, change.tx, user_id)
        await note(kw, change.tx, event, change.record, actor, ended=ended)
    return ended


async def delete_user(kw: Context, user_id: UUID, actor: Actor) -> None:
    """Erase who it was and leave a tombstone, so that a host's foreign keys hold. The owner is
    told at an address that they proved; the address may sign up again.

    Raises `LastAdministrator`, and what `administering` does.
    """
    event = AuditEvent.USER_DELETED
    async with administering(kw, actor, user_id, event, *PURGE_EVENTS) as change:
        await purge(kw, change.tx, change.record)
        await say_goodbye(kw, change.tx, change.record, by_administrator=True)
        await note(kw, change.tx, event, change.record, without_trace(actor, user_id))


def without_trace(actor: Actor, user_id: UUID) -> Actor:
    """Who erases their own account leaves no network address with the record of that."""
    return replace(actor, caller=None) if actor.user_id == user_id else actor


def require_known_roles(kw: Context, roles: Iterable[str]) -> None:
    """Raise `UnknownRole`, which lists the known ones."""
    for role in roles:
        if not kw.roles.known(role):
            detail = f"There is no role {role!r}; there are {', '.join(kw.roles.names)}."
            raise UnknownRole(detail, errors=[FieldError("role", "unknown_role", detail)])


async def tell_of_change(kw: Context, tx: Transaction, record: UserRecord, *fields: str) -> None:
    """Caches drop the account, and applications hear of it."""
    now = kw.clock.now()
    await kw.notices.changed(tx, record.id, now)
    await kw.hooks.emit(tx, UserUpdated(at=now, user_id=record.id, fields=fields))


async def note(
    kw: Context,
    tx: Transaction,
    event: AuditEvent,
    record: UserRecord,
    actor: Actor,
    **details: Any,
) -> None:
    await audit.record(
        tx,
        event=event,
        actor_id=actor.user_id,
        subject_id=record.id,
        details=details or None,
        caller=actor.caller,
        now=kw.clock.now(),
    )
