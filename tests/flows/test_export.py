"""`GET P/auth/export`: everything held about me, as one file."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from parts.house import (
    ADA,
    ELSEWHERE,
    EVE,
    HOME,
    PASSWORD,
    House,
    Visitor,
    claims_of,
    expect,
    problem,
)
from parts.schemas import Place, fill
from pydantic import BaseModel

from keywright import ConfigurationError, User, UserExported
from keywright.accounts.users.table import users
from keywright.audit import service as audit_service
from keywright.audit.models import AuditEvent
from keywright.core.db import Statement
from keywright.core.errors import BadRequest
from keywright.core.exporting import Reader
from keywright.core.principal import UserStatus
from keywright.flows.export_account import write_document
from keywright.tables import metadata

pytestmark = pytest.mark.anyio
PATH = "/auth/export"
SECTIONS = {
    "format",
    "exported_at",
    "account",
    "roles",
    "profile",
    "notifications",
    "sessions",
    "known_devices",
    "pending_changes",
    "events",
    "application",
}
# Of each table: where a column is in the export. What is not here is left out, with a reason.
EXPORTED: dict[str, dict[str, str]] = {
    "kw_user": {
        **{
            name: f"account.{name}"
            for name in (
                "id",
                "email",
                "email_verified_at",
                "username",
                "name",
                "locale",
                "status",
                "password_changed_at",
                "created_at",
                "updated_at",
            )
        },
        "profile": "profile",
        "notifications": "notifications",
    },
    "kw_user_role": {name: f"roles.{name}" for name in ("role", "source", "granted_at")},
    "kw_session": {
        name: f"sessions.{name}"
        for name in (
            "id",
            "created_at",
            "last_seen_at",
            "idle_expires_at",
            "expires_at",
            "auth_time",
            "amr",
            "scope",
            "ip",
            "user_agent",
        )
    },
    "kw_known_device": {
        name: f"known_devices.{name}"
        for name in ("name", "network", "first_seen_at", "last_seen_at", "sign_ins")
    },
    "kw_link_token": {
        "purpose": "pending_changes.kind",
        **{
            name: f"pending_changes.{name}"
            for name in ("email", "session_id", "created_at", "expires_at")
        },
    },
    "kw_reserved_address": {
        "email": "pending_changes.email",
        "expires_at": "pending_changes.expires_at",
    },
    "kw_closing": {
        "confirmed_at": "pending_changes.created_at",
        "deletes_at": "pending_changes.expires_at",
    },
    "kw_audit": {
        name: f"events.{name}"
        for name in ("id", "at", "event", "outcome", "session_id", "request_id", "details")
    },
    "kw_audit_origin": {name: f"events.{name}" for name in ("ip", "email", "user_agent")},
}
WHOSE = "says whose it is, as the whole document does"
OTHER_FORM = "another form of what is exported, to look it up by"
SECRET = "a secret, or its digest: whoever had the file could try it"
NOT_ABOUT_ANYBODY = "tells of nobody: keyed digests, counters, keys"
LEFT_OUT = {
    "kw_user.email_folded": OTHER_FORM,
    "kw_user.username_folded": OTHER_FORM,
    "kw_user.password_hash": SECRET,
    "kw_user.sign_up_digest": SECRET,
    "kw_user_role.user_id": WHOSE,
    "kw_session.user_id": WHOSE,
    "kw_session.page_digest": SECRET,
    "kw_session.refresh_salt": SECRET,
    "kw_session.refresh_generation": "a counter of the machinery",
    "kw_session.rotated_at": "a moment of the machinery",
    "kw_known_device.user_id": WHOSE,
    "kw_link_token.id": "a name of the machinery",
    "kw_link_token.user_id": WHOSE,
    "kw_link_token.registration_id": "of a sign-up that waits: there is no account to export",
    "kw_link_token.digest": SECRET,
    "kw_link_token.used_at": "of a link that is used up, and swept",
    "kw_reserved_address.email_folded": OTHER_FORM,
    "kw_reserved_address.user_id": WHOSE,
    "kw_closing.user_id": WHOSE,
    "kw_closing.next_try_at": "a moment of the machinery",
    "kw_closing.attempts": "a counter of the machinery",
    "kw_closing.lease_until": "a moment of the machinery",
    "kw_closing.last_error": "about the server, for who runs it",
    "kw_audit.actor_id": "who else acted on the account; `by` says of which kind it was",
    "kw_audit.subject_id": WHOSE,
    "kw_audit_origin.audit_id": "the event's own id",
}
# Whole tables.
LEFT_OUT |= {
    f"{name}.*": reason
    for name, reason in {
        "kw_registration": "typed by whoever signed up at an address that was not proven",
        "kw_outbox": "sealed, and gone once it is sent",
        "kw_password_attempt": NOT_ABOUT_ANYBODY,
        "kw_rate_limit": NOT_ABOUT_ANYBODY,
        "kw_revocation": "tells caches what has ended, for minutes",
        "kw_idempotency_key": NOT_ABOUT_ANYBODY,
        "kw_signing_key": NOT_ABOUT_ANYBODY,
    }.items()
}


async def export(visitor: Visitor) -> dict[str, Any]:
    found: dict[str, Any] = expect(await visitor.call("GET", PATH), 200).json()
    return found


async def test_an_export_is_a_file_that_nobody_keeps(house: House, visitor: Visitor) -> None:
    await visitor.join(name="Ada")
    answer = expect(await visitor.call("GET", PATH), 200)
    day = house.clock.now().strftime("%Y-%m-%d")
    said = f'attachment; filename="keywright-account-{day}.json"'
    assert answer.headers["content-disposition"] == said
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["content-length"]) == len(answer.content)
    found = answer.json()
    assert set(found) == SECTIONS
    assert found["format"] == "keywright-account-1"
    assert (found["account"]["email"], found["account"]["name"]) == (ADA, "Ada")
    assert [one["ip"] for one in found["sessions"]] == [HOME]
    assert [one["network"] for one in found["known_devices"]] == [HOME]
    assert found["notifications"] == {"new_sign_in": True}
    assert "session.signed_in" in [one["event"] for one in found["events"]]
    assert found["application"] == {}


async def test_the_owner_is_told_and_the_record_says_so(house: House, visitor: Visitor) -> None:
    heard: list[UserExported] = []

    @house.kw.hooks.on(UserExported)
    async def hear(event: UserExported, tx: object) -> None:
        heard.append(event)

    await visitor.join()
    house.clock.advance(minutes=1)
    await export(visitor)
    notice = await house.outbox.last(ADA)
    assert notice.subject == "Your data was exported"
    assert HOME in notice.text
    assert "If it wasn't you" in notice.text
    newest = (await export(visitor))["events"][0]
    assert (newest["event"], newest["by"], newest["ip"]) == ("user.exported", "you", HOME)
    user_id = UUID(claims_of(visitor.access_token)["sub"])
    assert [event.user_id for event in heard] == [user_id, user_id]


async def test_every_column_is_exported_or_left_out_for_a_reason(house: House) -> None:
    """Of a person who has a row in every table, with a value in every column."""
    document = await read_export_of_everything(house)
    missing, twice = [], []
    for table in metadata.sorted_tables:
        for column in table.c:
            name = f"{table.name}.{column.name}"
            path = EXPORTED.get(table.name, {}).get(column.name)
            reason = LEFT_OUT.get(name) or LEFT_OUT.get(f"{table.name}.*")
            if path is not None and reason is not None:
                twice.append(name)
            if path is None and reason is None:
                missing.append(name)
            if path is not None:
                assert values_at(document, path), f"{name} is not at {path}"
    assert (missing, twice) == ([], [])
    columns = {f"{table.name}.{one.name}" for table in metadata.sorted_tables for one in table.c}
    columns |= {f"{table.name}.*" for table in metadata.sorted_tables}
    named = {f"{table}.{one}" for table, paths in EXPORTED.items() for one in paths}
    assert (set(LEFT_OUT) | named) - columns == set()


async def test_no_secret_is_in_an_export(house: House) -> None:
    document = json.dumps(await read_export_of_everything(house))
    secrets = [name for name, reason in LEFT_OUT.items() if reason is SECRET]
    stored = await Place(house.url).work(values_of, secrets)
    assert len(stored) >= len(secrets)
    for name, value in stored:
        for spelling in spellings(value):
            assert spelling not in document, name


async def read_export_of_everything(house: House) -> dict[str, Any]:
    place = Place(house.url)
    await place.work(fill, metadata)
    owner = await place.work(make_all_theirs)
    with await write_document(house.kw, owner) as document:
        found: dict[str, Any] = json.loads(document.read())
    return found


def make_all_theirs(connection: sa.Connection) -> UUID:
    """Whatever can be somebody's, becomes one person's, and has not run out."""
    owner: UUID = connection.execute(sa.select(users.c.id).order_by(users.c.id)).scalars().first()
    later = datetime(2099, 1, 1, tzinfo=UTC)
    for table in metadata.sorted_tables:
        changes = {
            name: later for name in ("expires_at", "idle_expires_at") if name in table.columns
        }
        if "subject_id" in table.columns:
            changes |= {"subject_id": owner, "actor_id": owner}
        if "used_at" in table.columns:
            changes["used_at"] = None
        if "status" in table.columns and table is users:
            changes["status"] = UserStatus.ACTIVE
        if changes:
            connection.execute(table.update().values(changes))
        make_one_theirs(connection, table, owner)
    return owner


def make_one_theirs(connection: sa.Connection, table: sa.Table, owner: UUID) -> None:
    """`fill` gave each row a user of its own: the first one's rows are enough."""
    if "user_id" in table.columns:
        counted = sa.select(sa.func.count()).select_from(table).where(table.c.user_id == owner)
        if not connection.execute(counted).scalar_one():
            key = next(iter(table.primary_key.columns))
            first = connection.execute(sa.select(sa.func.min(key))).scalar_one()
            connection.execute(table.update().where(key == first).values(user_id=owner))


def values_at(document: Any, path: str) -> list[Any]:
    """What is there and is not null, in any item of a list."""
    first, _, rest = path.partition(".")
    found = [one[first] for one in each(document) if isinstance(one, dict) and first in one]
    if rest:
        return [value for one in found for value in values_at(one, rest)]
    return [value for value in found if value is not None]


def each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def values_of(connection: sa.Connection, names: list[str]) -> list[tuple[str, Any]]:
    found = []
    for name in names:
        table, _, column = name.partition(".")
        values = connection.execute(sa.select(metadata.tables[table].c[column])).scalars()
        found += [(name, value) for value in values]
    return found


def spellings(value: Any) -> Iterator[str]:
    if isinstance(value, bytes):
        yield value.hex()
        yield base64.b64encode(value).decode().rstrip("=")
        yield base64.urlsafe_b64encode(value).decode().rstrip("=")
    else:
        yield str(value)


async def test_many_events_are_read_page_by_page_and_none_is_missed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keywright.flows.export_account.PAGE", 7)
    monkeypatch.setattr("keywright.flows.export_account.IN_MEMORY", 512)
    user = await house.under_test.create_user(ADA)
    async with house.kw.db.transaction(alone=True) as tx:
        for number in range(50):
            await audit_service.record(
                tx,
                event=AuditEvent.SIGNED_IN,
                now=house.clock.now() + timedelta(seconds=number),
                subject_id=user.id,
            )
    with await write_document(house.kw, user.id) as document:
        found = json.loads(document.read())["events"]
    assert len({one["id"] for one in found}) == 50
    assert [one["id"] for one in found] == sorted((one["id"] for one in found), reverse=True)


class Order(BaseModel):
    price: Decimal
    at: datetime


@dataclass
class Parcel:
    id: UUID


class Email(msgspec.Struct, frozen=True):
    email: str


OWN_EMAIL = Statement(sa.select(users.c.email).where(users.c.id == sa.bindparam("id")), Email)
RENAME = Statement(
    sa.update(users).where(users.c.id == sa.bindparam("id")).values(name=sa.bindparam("name"))
)


async def test_the_application_adds_what_it_holds(house: House, visitor: Visitor) -> None:
    @house.kw.hooks.exports("orders")
    async def orders(user: User, db: Reader) -> Any:
        row = await db.one(OWN_EMAIL, id=user.id)
        assert row is not None
        return {"of": row.email, "made": [Order(price=Decimal("9.90"), at=house.clock.now())]}

    @house.kw.hooks.exports("parcels")
    async def parcels(user: User, db: Reader) -> Any:
        return [Parcel(user.id)]

    await visitor.join()
    added = (await export(visitor))["application"]
    assert added["orders"]["of"] == ADA
    assert added["orders"]["made"][0]["price"] == "9.90"
    assert added["parcels"] == [{"id": claims_of(visitor.access_token)["sub"]}]


@pytest.mark.parametrize("failure", ["raises", "dawdles", "is no JSON"])
async def test_a_source_that_fails_leaves_nothing_half_exported(
    house: House, visitor: Visitor, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keywright.core.exporting.SOURCE_SECONDS", 0.05)

    @house.kw.hooks.exports("orders")
    async def orders(user: User, db: Reader) -> Any:
        if failure == "raises":
            raise RuntimeError("the orders of somebody")
        if failure == "dawdles":
            await asyncio.Event().wait()
        return object()

    await visitor.join()
    answer = problem(await visitor.call("GET", PATH), 503, "export_unavailable")
    assert "orders of somebody" not in str(answer)
    assert [one.subject for one in await house.outbox.mails(ADA)][-1] != "Your data was exported"


async def test_a_refusal_of_the_application_is_its_own(house: House, visitor: Visitor) -> None:
    @house.kw.hooks.exports("orders")
    async def orders(user: User, db: Reader) -> Any:
        raise BadRequest("Your orders are under review.")

    await visitor.join()
    problem(await visitor.call("GET", PATH), 400, "bad_request")


async def test_a_source_reads_and_does_not_write(house: House, visitor: Visitor) -> None:
    @house.kw.hooks.exports("orders")
    async def orders(user: User, db: Reader) -> Any:
        return await db.one(RENAME, id=user.id, name="Eve")

    await visitor.join(name="Ada")
    expect(await visitor.call("GET", PATH), 500)
    assert (await visitor.me()).json()["name"] == "Ada"


async def test_two_sources_of_one_name_are_refused_at_once(house: House) -> None:
    @house.kw.hooks.exports("orders")
    async def orders(user: User, db: Reader) -> Any: ...

    with pytest.raises(ConfigurationError, match="orders"):
        house.kw.hooks.exports("orders")
    with pytest.raises(ConfigurationError, match="small letters"):
        house.kw.hooks.exports("My orders")


async def test_an_account_is_exported_ten_times_an_hour(house: House) -> None:
    visitor = await house.native()
    await visitor.join()
    for _ in range(10):
        await export(visitor)
    answer = await visitor.call("GET", PATH)
    problem(answer, 429, "too_many_requests")
    assert answer.headers["retry-after"] == "3600"


async def test_who_waits_to_be_deleted_may_take_their_data_along(
    house: House, visitor: Visitor
) -> None:
    await visitor.join()
    expect(await visitor.call("POST", "/auth/request-deletion"), 202)
    token = (await house.outbox.last(ADA)).token
    expect(await visitor.post("/auth/confirm-deletion", json={"token": token}), 200)
    await visitor.sign_in()
    found = await export(visitor)
    assert found["account"]["status"] == "closing"
    assert "deletion" in [one["kind"] for one in found["pending_changes"]]
    problem(await visitor.call("GET", "/auth/events"), 403, "account_closing")


async def test_an_export_holds_nothing_of_anybody_else(house: House, visitor: Visitor) -> None:
    await (await house.native(ELSEWHERE)).join(EVE)
    await visitor.join()
    document = json.dumps(await export(visitor))
    assert EVE not in document
    assert ELSEWHERE not in document
    assert PASSWORD not in document
