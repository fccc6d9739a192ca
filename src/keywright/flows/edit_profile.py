"""A person edits their own details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keywright.accounts.users import service as users
from keywright.accounts.users.models import UserRecord
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.errors import SessionEnded
from keywright.core.events import UserUpdated
from keywright.core.principal import Principal, User
from keywright.core.web.caller import Caller
from keywright.flows.profiles import change_profile
from keywright.flows.results import present_user

if TYPE_CHECKING:
    from keywright.core.context import Context


async def edit_profile(
    kw: Context, principal: Principal, changes: Mapping[str, Any], caller: Caller
) -> User[Any]:
    """Change `name`, `username`, `locale`, `profile` or `notifications`; of these last two, the
    fields that are named.

    Raises `InvalidInput`, `InvalidUsername`, `UnknownNotification`, `UsernameTaken`.
    """
    assert principal.user is not None
    now = kw.clock.now()
    async with kw.db.transaction(alone=kw.hooks.has_on(UserUpdated)) as tx:
        await users.hold(tx, principal.user.id)
        record = await users.get(tx, principal.user.id)
        if not record.active:
            raise SessionEnded
        record = await users.change_details(tx, record, complete_changes(kw, record, changes), now)
        await kw.notices.changed(tx, record.id, now)
        await audit.record(
            tx,
            event=AuditEvent.USER_UPDATED,
            actor_id=record.id,
            subject_id=record.id,
            session_id=principal.session_id,
            details={"fields": sorted(changes)},
            caller=caller,
            now=now,
        )
        user = present_user(kw, record)
        await kw.hooks.emit(
            tx, UserUpdated(at=now, user_id=record.id, fields=tuple(sorted(changes)))
        )
    return user


def complete_changes(kw: Context, record: UserRecord, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept in one piece, with its changed parts."""
    values = dict(changes)
    if "profile" in changes:
        values["profile"] = change_profile(kw, record.profile, changes["profile"])
    if "notifications" in changes:
        values["notifications"] = kw.notifications.change(
            record.notifications, changes["notifications"]
        )
    return values
