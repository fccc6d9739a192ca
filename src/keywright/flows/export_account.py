"""Everything that is held about a person, as one JSON document.

    {"format", "exported_at", "account", "roles", "profile", "notifications", "sessions",
     "known_devices", "pending_changes", "events", "application"}

`application` holds what the application adds (`core.exporting`), each under its source's name.
The document is whole before its first byte is answered, and rests in a file beyond 1 MiB: only one
page of rows, and what the application answers, is in memory at a time.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from keywright.accounts.closings import service as closings
from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.users import service as users
from keywright.accounts.users.models import AccountFacts
from keywright.accounts.users.reservations import service as reservations
from keywright.audit import service as audit
from keywright.audit.models import AuditEvent, AuditRecord
from keywright.core.errors import TooManyRequests
from keywright.core.events import UserExported
from keywright.core.principal import Principal
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.core.web.device_name import device_name
from keywright.flows.own_events import who_did, without_others
from keywright.flows.results import present_user
from keywright.outbox.channels.mail.mails import SecurityNotice
from keywright.sessions import service as sessions
from keywright.sessions.devices import service as devices
from keywright.sessions.models import Session

if TYPE_CHECKING:
    from keywright.core.context import Context

FORMAT = "keywright-account-1"
IN_MEMORY = 1024 * 1024
PAGE = 500
WHEN_OF_SESSION = ("created_at", "last_seen_at", "idle_expires_at", "expires_at", "auth_time")
OF_SESSION = ("id", "amr", "scope", "ip", "user_agent", *WHEN_OF_SESSION)
ORIGIN = ("ip", "email", "user_agent")
OF_EVENT = ("id", "at", "event", "outcome", "session_id", "request_id", "details", *ORIGIN)


async def export_account(kw: Context, principal: Principal, caller: Caller) -> IO[bytes]:
    """The document; whoever asked for it closes it. The owner is told by mail.

    Raises `ExportUnavailable`, `TooManyRequests`.
    """
    assert principal.user is not None
    user_id = principal.user.id
    await kw.limits.hit(limits.EXPORT, caller.network)
    await refuse_many_exports(kw, user_id)
    document = await write_document(kw, user_id)
    try:
        await tell_of_export(kw, principal, caller)
    except BaseException:
        document.close()
        raise
    return document


async def refuse_many_exports(kw: Context, user_id: UUID) -> None:
    """Reading everything is work, and each time mails the owner."""
    limit = limits.EXPORT_OF_ACCOUNT
    if not await kw.limits.allows(kw.db, limit, str(user_id)):
        raise TooManyRequests(limit.per_seconds)


async def tell_of_export(kw: Context, principal: Principal, caller: Caller) -> None:
    assert principal.user is not None
    user, now = principal.user, kw.clock.now()
    async with kw.db.transaction(alone=kw.hooks.has_on(UserExported)) as tx:
        await audit.record(
            tx,
            event=AuditEvent.USER_EXPORTED,
            actor_id=user.id,
            subject_id=user.id,
            session_id=principal.session_id,
            caller=caller,
            now=now,
        )
        await kw.outbox.mail(tx, notice_of_export(user.email, caller, now))
        await kw.hooks.emit(tx, UserExported(at=now, user_id=user.id))


def notice_of_export(to: str, caller: Caller, now: datetime) -> SecurityNotice:
    return SecurityNotice(
        to=to,
        at=now,
        network=caller.ip,
        device=device_name(caller.user_agent),
        subject="Your data was exported",
        what="All that is stored about you was downloaded by somebody who is signed in to your "
        "account.",
    )


async def export_for_operator(kw: Context, user_id: UUID) -> IO[bytes]:
    """The document for who runs the server and answers for its data: recorded, and not mailed.

    Raises `ExportUnavailable`, `UserNotFound`.
    """
    await users.get(kw.db, user_id)
    document = await write_document(kw, user_id)
    async with kw.db.transaction() as tx:
        await audit.record(
            tx, event=AuditEvent.USER_EXPORTED, subject_id=user_id, now=kw.clock.now()
        )
    return document


async def write_document(kw: Context, user_id: UUID) -> IO[bytes]:
    """What the application adds is asked for first: where that fails, nothing is written."""
    user = present_user(kw, await users.get(kw.db, user_id))
    added = await kw.hooks.collect_exports(user, kw.db)
    document = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - answered open
    try:
        await write_sections(kw, document, user_id)
        document.write(b',"application":' + encode_raw(added) + b"}")
    except BaseException:
        document.close()
        raise
    document.seek(0)
    return document


async def write_sections(kw: Context, document: IO[bytes], user_id: UUID) -> None:
    head = {"format": FORMAT, "exported_at": kw.clock.now(), **await read_account(kw, user_id)}
    document.write(msgspec.json.encode(head)[:-1])
    document.write(b',"events":[')
    separator = b""
    async for page in pages_of_events(kw, user_id):
        for record in page:
            document.write(separator + msgspec.json.encode(event_out(record, user_id)))
            separator = b","
    document.write(b"]")


async def read_account(kw: Context, user_id: UUID) -> dict[str, Any]:
    """All but what grows with time."""
    facts = await users.find_facts(kw.db, user_id)
    assert facts is not None
    now = kw.clock.now()
    return {
        "account": account_out(facts),
        "roles": await users.list_roles_given(kw.db, user_id),
        "profile": facts.profile,
        "notifications": kw.notifications.chosen(facts.notifications),
        "sessions": [session_out(s) for s in await sessions.list_for_user(kw.db, user_id, now)],
        "known_devices": [
            {name: value for name, value in fields_of(one).items() if name != "user_id"}
            for one in await devices.list_for_user(kw.db, user_id)
        ],
        "pending_changes": await read_pending(kw, user_id, now),
    }


async def read_pending(kw: Context, user_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """Mailed links that still work, never their tokens; addresses kept; a deletion that waits."""
    links = [
        {
            "kind": link.purpose,
            "email": link.email,
            "session_id": link.session_id,
            "created_at": link.created_at,
            "expires_at": link.expires_at,
        }
        for link in await link_tokens.list_open(kw.db, user_id, now)
    ]
    kept = [
        {"kind": "reserved_address", "email": one.email, "expires_at": one.expires_at}
        for one in await reservations.list_of_user(kw.db, user_id)
    ]
    closing = await closings.find(kw.db, user_id)
    if closing is None:
        return [*links, *kept]
    said = {"created_at": closing.confirmed_at, "expires_at": closing.deletes_at}
    return [*links, *kept, {"kind": "deletion", **said}]


async def pages_of_events(kw: Context, user_id: UUID) -> AsyncIterator[tuple[AuditRecord, ...]]:
    """The newest first."""
    before: UUID | None = None
    while True:
        page = await audit.list_for_user(kw.db, user_id, limit=PAGE, before=before)
        yield page.items
        before = page.next_before
        if before is None:
            return


def account_out(facts: AccountFacts) -> dict[str, Any]:
    apart = {"profile", "notifications"}
    return {name: value for name, value in fields_of(facts).items() if name not in apart}


def session_out(session: Session) -> dict[str, Any]:
    said = {name: getattr(session, name) for name in OF_SESSION}
    return {**said, "name": device_name(session.user_agent)}


def event_out(record: AuditRecord, user_id: UUID) -> dict[str, Any]:
    seen = without_others(record, user_id)
    return {**{name: getattr(seen, name) for name in OF_EVENT}, "by": who_did(record, user_id)}


def fields_of(row: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(row)


def encode_raw(parts: dict[str, bytes]) -> bytes:
    return msgspec.json.encode({name: msgspec.Raw(part) for name, part in parts.items()})


def file_name(kw: Context) -> str:
    """`example-account-2026-03-04.json`, after the application."""
    app = re.sub(r"[^a-z0-9]+", "-", kw.settings.app_name.lower()).strip("-") or "keywright"
    return f"{app}-account-{kw.clock.now():%Y-%m-%d}.json"
