"""A person reads what happened to their account: the record as its subject may see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec.structs import replace

from keywright.audit import service as audit
from keywright.audit.models import AuditRecord, Outcome
from keywright.core.principal import Principal
from keywright.core.web.device_name import device_name

if TYPE_CHECKING:
    from keywright.core.context import Context

# What a person learns about their own account, and no more of what a story writes down.
SHOWN_DETAILS = frozenset(("after", "amr", "before", "fields", "role", "roles"))


class By(StrEnum):
    """Who did it. `SYSTEM` is the server itself or who runs it; `UNKNOWN` did not sign in."""

    YOU = "you"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """`ip` and `device` are None for what others did, and once they were erased."""

    id: UUID
    event: str
    at: datetime
    outcome: Outcome
    by: By
    ip: str | None
    device: str | None
    session_id: UUID | None
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OwnEvents:
    """The newest first. `next_before` asks for the following page; None is the end."""

    items: tuple[OwnEvent, ...]
    next_before: UUID | None


async def list_own_events(
    kw: Context, principal: Principal, *, limit: int, before: UUID | None = None
) -> OwnEvents:
    assert principal.user is not None
    user_id = principal.user.id
    page = await audit.list_for_user(kw.db, user_id, limit=limit, before=before)
    return OwnEvents(tuple(as_own(one, user_id) for one in page.items), page.next_before)


async def count_own_events(kw: Context, principal: Principal) -> int:
    assert principal.user is not None
    return await audit.count_for_user(kw.db, principal.user.id)


def as_own(record: AuditRecord, user_id: UUID) -> OwnEvent:
    by = who_did(record, user_id)
    seen = without_others(record, user_id)
    return OwnEvent(
        id=seen.id,
        event=seen.event,
        at=seen.at,
        outcome=seen.outcome,
        by=by,
        ip=seen.ip,
        device=None if seen.user_agent is None else device_name(seen.user_agent),
        session_id=seen.session_id,
        details=shown_details(seen),
    )


def who_did(record: AuditRecord, user_id: UUID) -> By:
    if record.actor_id == user_id:
        return By.YOU
    if record.actor_id is not None:
        return By.ADMINISTRATOR
    return By.SYSTEM if record.request_id is None else By.UNKNOWN


def without_others(record: AuditRecord, user_id: UUID) -> AuditRecord:
    """That an administrator acted on an account is its owner's business; who, and from where, is
    not.
    """
    if record.actor_id in {None, user_id}:
        return record
    return replace(
        record,
        actor_id=None,
        session_id=None,
        request_id=None,
        ip=None,
        email=None,
        user_agent=None,
    )


def shown_details(record: AuditRecord) -> dict[str, Any]:
    details = record.details or {}
    return {name: details[name] for name in sorted(SHOWN_DETAILS & details.keys())}
