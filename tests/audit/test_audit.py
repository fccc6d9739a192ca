from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from parts.tables import create_tables, opened, sqlite_url

from keywright.audit import service
from keywright.audit.models import AuditEvent, Outcome
from keywright.audit.table import audit, audit_origins
from keywright.core.errors import Forbidden
from keywright.core.redaction import MASK
from keywright.core.web.caller import Caller

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)
ADA, EVE, SESSION = UUID(int=1), UUID(int=2), UUID(int=3)
CALLER = Caller("203.0.113.7", "203.0.113.7", "Firefox", "req_1")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return request.getfixturevalue("postgres_url")


@pytest.fixture
async def db(database_url):
    await create_tables(database_url, [audit, audit_origins])
    async with opened(database_url) as database:
        yield database


async def record_sign_in(db, *, at=NOW, **changes) -> UUID:
    values = {
        "event": AuditEvent.SIGNED_IN,
        "now": at,
        "actor_id": ADA,
        "subject_id": ADA,
        "session_id": SESSION,
        "caller": CALLER,
        "email": "ada@example.com",
        "details": {"amr": ["pwd"]},
    }
    async with db.transaction() as tx:
        return await service.record(tx, **(values | changes))


async def test_a_record_says_who_what_from_where_and_with_which_outcome(db):
    audit_id = await record_sign_in(db)
    (found,) = (await service.list_for_user(db, ADA)).items
    assert found.id == audit_id
    assert (found.at, found.event, found.outcome) == (NOW, "session.signed_in", Outcome.SUCCESS)
    assert (found.actor_id, found.subject_id, found.session_id) == (ADA, ADA, SESSION)
    assert (found.request_id, found.details) == ("req_1", {"amr": ["pwd"]})
    assert (found.ip, found.email, found.user_agent) == (
        "203.0.113.7",
        "ada@example.com",
        "Firefox",
    )


async def test_what_no_request_caused_has_no_origin(db):
    await record_sign_in(db, caller=None, email=None, details=None)
    (found,) = (await service.list_for_user(db, ADA)).items
    assert (found.ip, found.email, found.user_agent) == (None, None, None)
    assert (found.request_id, found.details) == (None, None)


async def test_a_record_goes_with_its_transaction(db):
    with pytest.raises(Forbidden):
        await roll_back_a_record(db)
    assert (await service.list_for_user(db, ADA)).items == ()


async def roll_back_a_record(db) -> None:
    async with db.transaction() as tx:
        await service.record(tx, event=AuditEvent.SIGNED_IN, now=NOW, subject_id=ADA)
        raise Forbidden


async def test_a_denial_is_recorded_although_the_request_is_refused(db):
    with pytest.raises(Forbidden):
        await refuse(db)
    (found,) = (await service.list_for_user(db, ADA)).items
    assert (found.event, found.outcome) == ("session.signed_in", Outcome.DENIED)


async def refuse(db) -> None:
    await service.record_denial(
        db, event=AuditEvent.SIGNED_IN, now=NOW, subject_id=ADA, caller=CALLER
    )
    raise Forbidden


async def test_an_account_reads_its_own_records_page_by_page_the_newest_first(db):
    ids = [await record_sign_in(db, at=NOW + timedelta(seconds=n)) for n in range(7)]
    await record_sign_in(db, subject_id=EVE)
    pages, before = [], None
    while True:
        page = await service.list_for_user(db, ADA, limit=3, before=before)
        pages.append([record.id for record in page.items])
        before = page.next_before
        if before is None:
            break
    newest_first = ids[::-1]
    assert pages == [newest_first[:3], newest_first[3:6], newest_first[6:]]


async def test_a_full_last_page_has_no_next(db):
    for number in range(3):
        await record_sign_in(db, at=NOW + timedelta(seconds=number))
    page = await service.list_for_user(db, ADA, limit=3)
    assert (len(page.items), page.next_before) == (3, None)


async def test_origins_are_erased_and_records_stay(db):
    await record_sign_in(db)
    await record_sign_in(db, actor_id=ADA, subject_id=EVE)
    await record_sign_in(db, actor_id=EVE, subject_id=EVE, email=None)
    await record_sign_in(db, actor_id=None, subject_id=None)  # before there was an account
    async with db.transaction() as tx:
        assert await service.erase_origins(tx, ADA, "ada@example.com") == 3
    (own,) = (await service.list_for_user(db, ADA)).items
    assert (own.ip, own.email, own.user_agent) == (None, None, None)
    assert own.details == {"amr": ["pwd"]}
    of_eve = (await service.list_for_user(db, EVE)).items
    assert sorted(record.ip or "" for record in of_eve) == ["", "203.0.113.7"]


async def test_details_hold_plain_values_and_no_secrets(db):
    await record_sign_in(
        db, details={"session": SESSION, "at": NOW, "password": "hunter2", "why": "kwr_abc"}
    )
    (found,) = (await service.list_for_user(db, ADA)).items
    assert found.details == {
        "session": str(SESSION),
        "at": "2026-01-02T03:04:05.600000Z",
        "password": MASK,
        "why": MASK,
    }


async def test_whatever_a_stranger_sends_can_be_recorded(db):
    hostile = Caller("x" * 500, None, "agent\0\ud800" + "a" * 500, "req_1")
    await record_sign_in(db, caller=hostile, email="\0" + "e" * 10_000)
    (found,) = (await service.list_for_user(db, ADA)).items
    assert found.user_agent is not None
    assert found.user_agent.startswith("agent\ufffd\ufffda")
    assert (len(found.ip or ""), len(found.email or ""), len(found.user_agent)) == (64, 320, 300)


async def test_records_need_no_account_to_point_at(db):
    assert {key.column.table.name for key in audit.foreign_keys} == set()
