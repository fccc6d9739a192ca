"""Who may administer whom: the rules that every change to another's account keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from keywright.accounts.users import service as users
from keywright.accounts.users.errors import LastAdministrator
from keywright.accounts.users.models import UserRecord
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.db import Transaction
from keywright.core.errors import Forbidden
from keywright.core.events import Event
from keywright.core.principal import Principal
from keywright.core.roles import ADMIN, EVERYTHING, USER, Powers, permits
from keywright.core.web.caller import Caller

if TYPE_CHECKING:
    from keywright.core.context import Context

READ_USERS, WRITE_USERS = "users:read", "users:write"
BEYOND_SCOPES = (
    "That account has a role that the scopes of this sign-in do not cover. If you have it, sign in "
    "without asking for scopes."
)


class AdministratorNoLonger(Forbidden):
    code = "administrator_no_longer"
    title = "You may not do this any more"
    detail = "Your account may not administer others any more."


class StrongerAccount(Forbidden):
    code = "stronger_account"
    title = "That account may do more than yours"
    detail = "That account has a role that yours has not. Ask somebody who has it."


class GreaterGrant(Forbidden):
    code = "greater_grant"
    title = "You cannot give what you do not have"


class OwnRoles(Forbidden):
    code = "own_roles"
    title = "Nobody changes their own roles"
    detail = "Nobody changes their own roles. Ask another administrator to do it."


@dataclass(frozen=True, slots=True)
class Actor:
    """Who administers: a signed-in person with their request; the command line is nobody.

    `narrowed_to` is what the credential may do where that is less than the account.
    """

    user_id: UUID | None = None
    caller: Caller | None = None
    narrowed_to: frozenset[str] | None = None

    @classmethod
    def of(cls, principal: Principal, caller: Caller) -> Actor:
        assert principal.user is not None
        narrowed_to = principal.scopes if principal.narrowed else None
        return cls(principal.user.id, caller, narrowed_to)


@dataclass(frozen=True, slots=True)
class Administration:
    """One change while it happens: the account as it is now, and what its actor may do."""

    tx: Transaction
    record: UserRecord
    powers: Powers


@asynccontextmanager
async def administering(
    kw: Context, actor: Actor, user_id: UUID, event: AuditEvent, *hooks: type[Event]
) -> AsyncIterator[Administration]:
    """A transaction on somebody's account. What the request was let in for is judged again, now
    that nobody else can change it; a refusal is recorded as a denied `event`.

    Raises `UserNotFound`, `AdministratorNoLonger`, `StrongerAccount`.
    """
    async with (
        recorded_denials(kw, actor, event, user_id),
        kw.db.transaction(alone=kw.hooks.has_on(*hooks)) as tx,
    ):
        powers = await lock_and_judge(kw, tx, actor, user_id)
        record = await users.get(tx, user_id)
        refuse_stronger_account(kw, powers, record)
        yield Administration(tx, record, powers)


@asynccontextmanager
async def recorded_denials(
    kw: Context, actor: Actor, event: AuditEvent, user_id: UUID | None
) -> AsyncIterator[None]:
    """Around the transaction: its refusal rolls back everything but the record of it."""
    try:
        yield
    except (Forbidden, LastAdministrator) as refusal:
        await audit.record_denial(
            kw.db,
            event=event,
            actor_id=actor.user_id,
            subject_id=user_id,
            details={"code": refusal.code},
            caller=actor.caller,
            now=kw.clock.now(),
        )
        raise


async def lock_and_judge(kw: Context, tx: Transaction, actor: Actor, *user_ids: UUID) -> Powers:
    """Hold the accounts that this is about; what the actor may do, as of now and here."""
    await users.lock(tx, *user_ids)
    if actor.user_id is None:
        return Powers((ADMIN,), frozenset({EVERYTHING}))
    standing = await users.find(tx, actor.user_id)
    require_standing(kw, standing)
    roles = standing.role_names if standing else ()
    return narrow(actor, Powers(roles, kw.roles.of(roles)))


def require_standing(kw: Context, actor: UserRecord | None) -> None:
    """Who was disabled, or lost the role, a moment ago administers nobody any more."""
    if (
        actor is None
        or not actor.active
        or not permits(kw.roles.of(actor.role_names), [WRITE_USERS])
    ):
        raise AdministratorNoLonger


def narrow(actor: Actor, powers: Powers) -> Powers:
    """A credential that may do less than its account gives, takes and changes no more than that."""
    if actor.narrowed_to is None:
        return powers
    scopes = frozenset(one for one in actor.narrowed_to if permits(powers.permissions, [one]))
    return replace(powers, permissions=scopes, narrowed=True)


def refuse_stronger_account(kw: Context, powers: Powers, target: UserRecord) -> None:
    """Nobody changes an account that holds a role which they don't hold."""
    if not all(holds(kw, powers, role) for role in target.role_names):
        raise StrongerAccount(BEYOND_SCOPES if powers.narrowed else None)


def refuse_greater_grant(kw: Context, powers: Powers, roles: Iterable[str]) -> None:
    """Nobody gives or takes away a role that they don't hold, whatever it permits."""
    for role in roles:
        if not holds(kw, powers, role):
            raise GreaterGrant(f"Only who holds the role {role} gives it or takes it away.")


def holds(kw: Context, powers: Powers, role: str) -> bool:
    """A host may ask for a role by its name, so that what it permits is not all that it is."""
    return (
        role == USER or permits(powers.permissions, [EVERYTHING]) or kw.roles.is_held(role, powers)
    )


def refuse_own_roles(actor: Actor, user_id: UUID) -> None:
    """Nobody changes their own roles: not up, and not down by mistake."""
    if actor.user_id == user_id:
        raise OwnRoles
