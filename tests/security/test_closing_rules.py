"""Rules of security.md, "Deletion": who may ask, what stays open meanwhile, and what is left."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import pytest
from parts.house import (
    ADA,
    ELSEWHERE,
    EVE,
    HOME,
    PASSWORD,
    House,
    Native,
    claims_of,
    expect,
    problem,
)

from keywright import UserDeleting
from keywright.accounts.link_tokens import service as link_tokens
from keywright.accounts.link_tokens.models import LinkPurpose
from keywright.accounts.users import service as users
from keywright.flows.administer_users import NewUser, create_user
from keywright.flows.administrators import Actor
from keywright.flows.purge_account import purge_due
from keywright.outbox.table import outbox
from keywright.sessions.table import sessions
from keywright.tables import metadata

pytestmark = pytest.mark.anyio
NOBODY = Actor()


@pytest.fixture
async def ada(house: House) -> Native:
    native = await house.native()
    await native.join(name="Countess")
    return native


def id_of(native: Native) -> UUID:
    return UUID(claims_of(native.access_token)["sub"])


async def mailed_token(house: House, email: str) -> str:
    """Of the newest mail about a deletion."""
    mails = await house.outbox.mails(email)
    return next(one.token for one in reversed(mails) if "-deletion?token=" in one.text)


async def ask(native: Native, email: str = ADA) -> str:
    expect(await native.call("POST", "/auth/request-deletion"), 202)
    return await mailed_token(native.house, email)


async def confirm(native: Native, token: str):
    return await native.call("POST", "/auth/confirm-deletion", json={"token": token})


async def close(native: Native, email: str = ADA) -> str:
    expect(await confirm(native, await ask(native, email)), 200)
    return await mailed_token(native.house, email)


async def test_a_deletion_is_asked_for_with_a_recent_sign_in_alone(house, ada):
    house.clock.advance(seconds=601)
    stale = await ada.call("POST", "/auth/request-deletion")
    problem(stale, 401, "reauthentication_required")
    assert len(await house.outbox.mails(ADA)) == 1


async def test_a_deletion_is_confirmed_by_the_mailed_link_alone(house, ada):
    token = await ask(ada)
    cancels = await close(ada)
    expect(await ada.call("POST", "/auth/cancel-deletion"), 200)
    other = await house.native()
    await other.join(EVE)
    foreign = await ask(other, EVE)
    for wrong in (token, cancels, "x" * 32):
        problem(await confirm(ada, wrong), 400, "invalid_link")
    expect(await confirm(ada, foreign), 200)  # that account closes, not the one that asks
    expect(await ada.me(), 200)
    problem(await other.me(), 401, "session_ended")


async def test_confirming_ends_every_other_session(house, ada):
    phone = await (await house.native(ELSEWHERE)).sign_in()
    await close(ada)
    problem(await phone.me(), 401, "session_ended")
    problem(await phone.refresh(), 401, "session_ended")
    assert await house.count(sessions) == 1


async def test_in_grace_nothing_opens_but_status_cancel_export_and_sign_out(house, ada):
    await close(ada)
    house.clock.advance(seconds=1)
    again = await (await house.native()).sign_in()
    expect(await again.refresh(), 200)
    for native in (ada, again):
        for method, path, body in (
            ("GET", "/auth/me", None),
            ("GET", "/users/me", None),
            ("PATCH", "/users/me", {"name": "Eve"}),
            ("GET", "/auth/sessions", None),
            ("DELETE", "/auth/sessions", None),
            ("GET", "/auth/events", None),
            ("GET", "/users", None),
            ("POST", "/auth/reauthenticate", {"password": PASSWORD}),
            ("POST", "/auth/change-password", {"current_password": "x", "new_password": "y"}),
            ("POST", "/auth/request-deletion", None),
        ):
            problem(await native.call(method, path, json=body), 403, "account_closing")
        for path in ("/host/user", "/host/fresh"):
            headers = {"Authorization": f"Bearer {native.access_token}"}
            method = "POST" if path == "/host/user" else "GET"
            answer = await native.http.request(method, path, headers=headers)
            problem(answer, 403, "account_closing")
        expect(await native.call("GET", "/auth/deletion-status"), 200)
        expect(await native.call("GET", "/auth/export"), 200)
    expect(await ada.logout(), 204)
    expect(await again.call("POST", "/auth/cancel-deletion"), 200)
    expect(await again.me(), 200)


async def test_a_browser_in_grace_finds_no_page_open_but_the_way_back(house, ada):
    await close(ada)
    browser = await house.browser()
    await browser.sign_in_to_pages()
    for path in ("/account", "/account/password"):
        answer = await browser.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/cancel-deletion")
    problem(await browser.get("/auth/me"), 403, "account_closing")


async def test_other_processes_know_of_it_within_five_seconds(houses, ada):
    there = houses[-1]
    second = await there.native()
    second.access_token = ada.access_token
    expect(await second.me(), 200)
    expect(await confirm(ada, await ask(ada)), 200)
    await there.kw.notices.read()
    problem(await second.me(), 403, "account_closing")
    expect(await ada.call("POST", "/auth/cancel-deletion"), 200)
    await there.kw.notices.read()
    expect(await second.me(), 200)


@pytest.mark.settings(rate_limits="on")
@pytest.mark.parametrize("which", ["request", "confirm", "cancel"])
async def test_each_deletion_call_is_limited_to_three_a_minute(house, ada, which):
    body = None if which == "request" else {"token": "x" * 32}
    path = f"/auth/{which}-deletion"
    for _ in range(3):
        assert (await ada.call("POST", path, json=body)).status_code != 429
    problem(await ada.call("POST", path, json=body), 429, "too_many_requests")
    house.clock.advance(minutes=1)
    assert (await ada.call("POST", path, json=body)).status_code != 429 or which == "request"


async def test_nobody_fills_a_mailbox_with_links_that_delete(house, ada):
    for _ in range(3):
        house.clock.advance(minutes=1)
        expect(await ada.call("POST", "/auth/request-deletion"), 202)
    house.clock.advance(minutes=1)
    problem(await ada.call("POST", "/auth/request-deletion"), 429, "too_many_requests")


async def test_the_last_administrator_cannot_close_their_account(house):
    await create_user(house.kw, NewUser(ADA, PASSWORD, roles=("admin",)), NOBODY)
    await create_user(house.kw, NewUser(EVE, PASSWORD, roles=("admin",)), NOBODY)
    ada, eve = [await (await house.native()).sign_in(one) for one in (ADA, EVE)]
    token = await ask(eve, EVE)
    await close(ada)
    problem(await eve.call("POST", "/auth/request-deletion"), 409, "last_administrator")
    problem(await confirm(eve, token), 409, "last_administrator")
    expect(await eve.me(), 200)


async def test_of_a_purged_account_nothing_personal_is_left(house, ada):
    """Not in any table, and not in a message that waits or was given up."""
    await ada.login(ADA, "not the right one")
    expect(await (await house.native(ELSEWHERE)).register(ADA), 202)
    await close(ada)
    house.clock.advance(days=13, hours=23, minutes=59)
    await (await house.native(HOME, **{"User-Agent": "HerOwnBrowser/1.0"})).sign_in()
    async with house.kw.db.transaction() as tx:
        await house.kw.outbox.add(tx, "unknown_kind", {"email": ADA, "deep": [{"name": 1}]})
        await house.kw.outbox.add(tx, "unknown_kind", {"email": EVE})
    house.clock.advance(minutes=1)
    assert await purge_due(house.kw) == 1
    await house.outbox.mails()
    assert await house.count(outbox) == 1  # Eve's
    found = await content(house)
    for trace in (ADA, "countess", "herownbrowser"):
        assert [table for table, rows in found.items() if trace in rows.lower()] == []
    for table in (
        "kw_session",
        "kw_link_token",
        "kw_registration",
        "kw_closing",
        "kw_reserved_address",
        "kw_known_device",
        "kw_audit_origin",
        "kw_user_role",
    ):
        assert found[table] == "[]", table


async def content(house: House) -> dict[str, str]:
    queries = {name: f'SELECT * FROM "{name}"' for name in metadata.tables}
    if house.db.dialect == "sqlite":
        async with house.db.watched.exclusive() as raw:  # type: ignore[attr-defined]  # SqliteDatabase
            return {name: str(raw.execute(query).fetchall()) for name, query in queries.items()}
    connection = await asyncpg.connect(house.url)
    rows = {name: str(await connection.fetch(query)) for name, query in queries.items()}
    await connection.close()
    return rows


@pytest.fixture
async def admin(house: House) -> Native:
    await create_user(house.kw, NewUser(EVE, PASSWORD, roles=("admin",)), NOBODY)
    return await (await house.native(ELSEWHERE)).sign_in(EVE)


async def test_a_failing_purge_is_shown_to_administrators_without_anybodys_data(house, ada, admin):
    @house.kw.hooks.on(UserDeleting)
    async def drop_photos(event, tx):
        raise RuntimeError(f"{ADA} has photos on a disk that is full")

    await close(ada)
    house.clock.advance(days=14)
    assert await purge_due(house.kw) == 0
    await admin.sign_in(EVE)
    closing = expect(await admin.call("GET", f"/users/{id_of(ada)}"), 200).json()["closing"]
    assert closing["attempts"] == 1
    assert closing["last_error"].startswith("RuntimeError in drop_photos, line ")
    assert ADA not in str(closing)
    assert closing["next_try_at"] > closing["deletes_at"]


async def test_a_failing_purge_is_retried(house, ada):
    failures = iter([RuntimeError])

    @house.kw.hooks.on(UserDeleting)
    async def drop_photos(event, tx):
        for failure in failures:
            raise failure

    await close(ada)
    house.clock.advance(days=14)
    assert await purge_due(house.kw) == 0
    house.clock.advance(seconds=10)
    assert await purge_due(house.kw) == 1


async def test_who_took_an_account_over_cannot_purge_it_before_its_owner_can_undo_that(house, ada):
    house.kw.settings = house.kw.settings.model_copy(update={"deletion_grace": 60})
    async with house.kw.db.transaction() as tx:
        _, undo_ends = await link_tokens.create(
            tx,
            purpose=LinkPurpose.UNDO_EMAIL_CHANGE,
            user_id=id_of(ada),
            now=house.clock.now(),
            email="before@example.com",
        )
    answer = expect(await confirm(ada, await ask(ada)), 200).json()
    assert answer["deletes_at"] == undo_ends.isoformat().replace("+00:00", "Z")
    house.clock.advance(hours=71)
    assert await purge_due(house.kw) == 0
    assert (await users.find(house.kw.db, id_of(ada))).email == ADA


async def test_looking_at_a_mailed_link_changes_nothing(house, ada):
    token = await ask(ada)
    browser = await house.browser()
    for _ in range(2):
        page = await browser.http.get("/confirm-deletion", params={"token": token})
        assert page.status_code == 200
        assert ADA in page.text
    expect(await ada.me(), 200)
    expect(await confirm(ada, token), 200)
    cancels = await mailed_token(house, ADA)
    for _ in range(2):
        page = await browser.http.get("/cancel-deletion", params={"token": cancels})
        assert page.status_code == 200
    problem(await ada.me(), 403, "account_closing")
