"""Who may administer whom: the rules that every change to another's account keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
from keywright.core.roles import EVERYTHING, permits
from keywright.core.web.caller import Caller

if TYPE_CHECKING:
    from keywright.core.context import Context

READ_USERS, WRITE_USERS = "users:read", "users:write"


class AdministratorNoLonger(Forbidden):
    code = "administrator_no_longer"
    title = "You may not do this any more"
    detail = "Your account may not administer others any more."


class StrongerAccount(Forbidden):
    code = "stronger_account"
    title = "That account may do more than yours"
    detail = "That account may do things that yours may not. Ask somebody who may do them."


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
    """One change while it happens: the account as it is now, and what its actor may give."""

    tx: Transaction
    record: UserRecord
    grantable: frozenset[str]


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
        yield Administration(tx, record, narrow(actor, powers))


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


async def lock_and_judge(
    kw: Context, tx: Transaction, actor: Actor, *user_ids: UUID
) -> frozenset[str]:
    """Hold the accounts that this is about; what the actor may do, as of now."""
    if actor.user_id is None:
        await users.lock(tx, *user_ids)
        return frozenset({EVERYTHING})
    await users.lock(tx, actor.user_id, *user_ids)
    standing = await users.find(tx, actor.user_id)
    require_standing(kw, standing)
    return kw.roles.of(standing.role_names) if standing else frozenset()


def require_standing(kw: Context, actor: UserRecord | None) -> None:
    """Who was disabled, or lost the role, a moment ago administers nobody any more."""
    if (
        actor is None
        or not actor.active
        or not permits(kw.roles.of(actor.role_names), [WRITE_USERS])
    ):
        raise AdministratorNoLonger


def narrow(actor: Actor, powers: frozenset[str]) -> frozenset[str]:
    """A credential that may do less than its account hands out no more than it may do itself."""
    if actor.narrowed_to is None:
        return powers
    return frozenset(scope for scope in actor.narrowed_to if permits(powers, [scope]))


def refuse_stronger_account(kw: Context, powers: frozenset[str], target: UserRecord) -> None:
    """Nobody changes an account that holds a permission which they lack."""
    if not permits(powers, kw.roles.of(target.role_names)):
        raise StrongerAccount


def refuse_greater_grant(kw: Context, grantable: frozenset[str], roles: Iterable[str]) -> None:
    """Nobody gives a role whose permissions they don't hold."""
    for role in roles:
        if not permits(grantable, kw.roles.of([role])):
            raise GreaterGrant(f"The role {role} permits more than your own account may do.")


def refuse_own_roles(actor: Actor, user_id: UUID) -> None:
    """Nobody changes their own roles: not up, and not down by mistake."""
    if actor.user_id == user_id:
        raise OwnRoles
