"""An administrator hands out roles, and takes them back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from keywright.accounts.users import service as users
from keywright.audit.models import AuditEvent
from keywright.core.errors import FieldError, InvalidInput
from keywright.core.events import UserUpdated
from keywright.core.principal import User
from keywright.core.roles import USER
from keywright.flows.administer_users import note, require_known_roles, tell_of_change
from keywright.flows.administrators import (
    Actor,
    administering,
    refuse_greater_grant,
    refuse_own_roles,
)
from keywright.flows.results import present_user

if TYPE_CHECKING:
    from keywright.core.context import Context


async def grant_role(kw: Context, user_id: UUID, role: str, actor: Actor) -> bool:
    """False when the account holds the role already.

    Raises `UnknownRole`, `GreaterGrant`, `OwnRoles`, and what `administering` does.
    """
    require_known_roles(kw, [role])
    event = AuditEvent.ROLE_GRANTED
    async with administering(kw, actor, user_id, event, UserUpdated) as change:
        refuse_own_roles(actor, user_id)
        refuse_greater_grant(kw, change.powers, [role])
        if role in (USER, *change.record.role_names):
            return False
        await users.grant_role(change.tx, user_id, role, kw.clock.now())
        await note(kw, change.tx, event, change.record, actor, role=role)
        await tell_of_change(kw, change.tx, change.record, "roles")
    return True


async def revoke_role(kw: Context, user_id: UUID, role: str, actor: Actor) -> bool:
    """False when the account does not hold the role.

    Raises `InvalidInput` for `user`, `GreaterGrant`, `OwnRoles`, `LastAdministrator`, and what
    `administering` does.
    """
    refuse_everybodys_role(role)
    event = AuditEvent.ROLE_REVOKED
    async with administering(kw, actor, user_id, event, UserUpdated) as change:
        refuse_own_roles(actor, user_id)
        refuse_greater_grant(kw, change.powers, [role])
        if role not in change.record.role_names:
            return False
        await users.revoke_role(change.tx, user_id, role)
        await note(kw, change.tx, event, change.record, actor, role=role)
        await tell_of_change(kw, change.tx, change.record, "roles")
    return True


def refuse_everybodys_role(role: str) -> None:
    if role == USER:
        detail = f"Everybody has the role {USER}: it cannot be taken. Disable the account instead."
        raise InvalidInput(detail, errors=[FieldError("role", "everybodys_role", detail)])


async def set_roles(kw: Context, user_id: UUID, wanted: Iterable[str], actor: Actor) -> User[Any]:
    """Let the account hold these roles and `user`; those that a sign-in provider gave stay.

    Raises `UnknownRole`, `GreaterGrant`, `OwnRoles`, `LastAdministrator`, and what
    `administering` does.
    """
    wanted = frozenset(wanted)
    require_known_roles(kw, sorted(wanted))
    event = AuditEvent.ROLES_SET
    async with administering(kw, actor, user_id, event, UserUpdated) as change:
        refuse_own_roles(actor, user_id)
        refuse_greater_grant(kw, change.powers, wanted.union(change.record.role_names))
        for role in sorted(wanted):
            await users.grant_role(change.tx, user_id, role, kw.clock.now())
        for role in change.record.role_names:
            if role not in wanted:
                await users.revoke_role(change.tx, user_id, role)
        record = await users.get(change.tx, user_id)
        before, after = change.record.role_names, record.role_names
        await note(kw, change.tx, event, record, actor, before=before, after=after)
        await tell_of_change(kw, change.tx, record, "roles")
    return present_user(kw, record)
