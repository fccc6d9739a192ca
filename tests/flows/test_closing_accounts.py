"""A person deletes their account: asks, confirms by mail, changes their mind, or is purged."""

from __future__ import annotations

from uuid import UUID

import pytest
from parts.house import (
    ADA,
    ELSEWHERE,
    EVE,
    OTHER_PASSWORD,
    PASSWORD,
    House,
    Native,
    claims_of,
    expect,
    problem,
)

from keywright import UserClosing, UserDeleted, UserDeleting, UserReopened
from keywright.accounts.closings.table import closings
from keywright.accounts.users import service as users
from keywright.audit import service as audit
from keywright.core.principal import UserStatus
from keywright.flows.administer_users import (
    NewUser,
    create_user,
    delete_user,
    disable_user,
    enable_user,
)
from keywright.flows.administrators import Actor
from keywright.flows.purge_account import purge_due
from keywright.sessions.table import sessions

pytestmark = pytest.mark.anyio
NOBODY = Actor()


@pytest.fixture
async def ada(house: House) -> Native:
    native = await house.native()
    await native.join(name="Ada")
    return native


def id_of(native: Native) -> UUID:
    return UUID(claims_of(native.access_token)["sub"])


async def ask(ada: Native) -> str:
    expect(await ada.call("POST", "/auth/request-deletion"), 202)
    return (await ada.house.outbox.last(ADA)).token


async def confirm(ada: Native, token: str):
    return await ada.call("POST", "/auth/confirm-deletion", json={"token": token})


async def close(ada: Native) -> str:
    """The whole way; the token that takes it back."""
    expect(await confirm(ada, await ask(ada)), 200)
    return (await ada.house.outbox.last(ADA)).token


async def status(ada: Native) -> dict:
    return expect(await ada.call("GET", "/auth/deletion-status"), 200).json()


async def test_the_story_from_the_request_to_the_purge(house, ada):
    assert (await status(ada))["status"] == "none"
    answer = expect(await ada.call("POST", "/auth/request-deletion"), 202).json()
    mail = await house.outbox.last(ADA)
    assert "/confirm-deletion?token=" in mail.text
    found = await status(ada)
    assert (found["status"], found["confirm_before"]) == ("requested", answer["confirm_before"])
    expect(await ada.me(), 200)
    answer = expect(await confirm(ada, mail.token), 200).json()
    found = await status(ada)
    assert (found["status"], found["deletes_at"]) == ("closing", answer["deletes_at"])
    mail = await house.outbox.last(ADA)
    assert "will be deleted" in mail.subject
    assert "/cancel-deletion?token=" in mail.text
    house.clock.advance(days=13, hours=23)
    assert await purge_due(house.kw) == 0
    house.clock.advance(hours=1)
    assert await purge_due(house.kw) == 1
    assert (await house.outbox.last(ADA)).subject.endswith("was deleted")
    assert await house.count(closings) == await house.count(sessions) == 0
    problem(await ada.login(), 401, "invalid_credentials")
    assert (await users.find(house.kw.db, id_of(ada))).status is UserStatus.DELETED
    assert await purge_due(house.kw) == 0
    again = await (await house.native(ELSEWHERE)).join(password=OTHER_PASSWORD)
    assert id_of(again) != id_of(ada)


async def test_it_is_cancelled_by_the_session(house, ada):
    token = await close(ada)
    expect(await ada.call("POST", "/auth/cancel-deletion"), 200)
    assert (await status(ada))["status"] == "none"
    expect(await ada.me(), 200)
    assert (await house.outbox.last(ADA)).subject.endswith("stays")
    dead = await ada.post("/auth/cancel-deletion", json={"token": token})
    problem(dead, 400, "invalid_link")
    problem(await ada.call("POST", "/auth/cancel-deletion"), 409, "not_closing")
    house.clock.advance(days=15)
    assert await purge_due(house.kw) == 0


async def test_it_is_cancelled_by_the_link_without_a_session_until_the_grace_ends(house, ada):
    token = await close(ada)
    house.clock.advance(days=13, hours=23)
    stranger = await house.native(ELSEWHERE)
    expect(await stranger.post("/auth/cancel-deletion", json={"token": token}), 200)
    await ada.sign_in()
    expect(await ada.me(), 200)


async def test_the_link_that_cancels_ends_with_the_grace(house, ada):
    token = await close(ada)
    house.clock.advance(days=14)
    answer = await ada.post("/auth/cancel-deletion", json={"token": token})
    problem(answer, 400, "invalid_link")


async def test_a_request_is_withdrawn_by_cancelling_and_replaced_by_the_next(house, ada):
    first, second = await ask(ada), await ask(ada)
    problem(await confirm(ada, first), 400, "invalid_link")
    expect(await ada.call("POST", "/auth/cancel-deletion"), 200)
    problem(await confirm(ada, second), 400, "invalid_link")
    assert (await status(ada))["status"] == "none"


async def test_nobody_cancels_without_session_and_token(house, ada):
    await close(ada)
    stranger = await house.native(ELSEWHERE)
    problem(await stranger.post("/auth/cancel-deletion"), 401, "not_authenticated")
    answer = await stranger.post("/auth/cancel-deletion", json={"email": ADA})
    problem(answer, 422, "invalid_input")


async def test_the_link_works_without_a_session_and_then_ends_all(house, ada):
    token = await ask(ada)
    stranger = await house.native(ELSEWHERE)
    expect(await stranger.post("/auth/confirm-deletion", json={"token": token}), 200)
    assert await house.count(sessions) == 0
    problem(await ada.me(), 401, "session_ended")
    problem(await ada.refresh(), 401, "session_ended")


async def test_a_password_reset_kills_the_link_that_confirms(house, ada):
    token = await ask(ada)
    expect(await ada.forgot(), 202)
    expect(await ada.reset((await house.outbox.last(ADA)).token), 200)
    problem(await ada.post("/auth/confirm-deletion", json={"token": token}), 400, "invalid_link")


async def test_applications_hear_of_it(house, ada):
    heard = []
    for kind in (UserClosing, UserReopened, UserDeleting, UserDeleted):

        @house.kw.hooks.on(kind)
        async def hear(event, tx):
            record = await users.find(tx, event.user_id)
            heard.append((event.name, record.status.value, record.email == ADA))

    token = await close(ada)
    expect(await ada.post("/auth/cancel-deletion", json={"token": token}), 200)
    await close(ada)
    house.clock.advance(days=14)
    await purge_due(house.kw)
    assert heard == [
        ("user.closing", "closing", True),
        ("user.reopened", "active", True),
        ("user.closing", "closing", True),
        ("user.deleting", "closing", True),
        ("user.deleted", "deleted", False),
    ]


async def test_it_is_recorded(house, ada):
    await close(ada)
    expect(await ada.call("POST", "/auth/cancel-deletion"), 200)
    page = await audit.list_for_user(house.kw.db, id_of(ada))
    assert {one.event for one in page.items} >= {
        "user.deletion_cancelled",
        "user.deletion_confirmed",
        "user.deletion_requested",
    }


# Administrators


@pytest.fixture
async def admin(house: House) -> Native:
    await create_user(house.kw, NewUser(EVE, PASSWORD, roles=("admin",)), NOBODY)
    return await (await house.native(ELSEWHERE)).sign_in(EVE)


async def test_administrators_see_a_closing_and_cancel_it(house, ada, admin):
    await close(ada)
    found = expect(await admin.call("GET", "/users?status=closing"), 200).json()["items"]
    assert [(one["email"], one["status"]) for one in found] == [(ADA, "closing")]
    shown = expect(await admin.call("GET", f"/users/{id_of(ada)}"), 200).json()
    assert shown["closing"] == found[0]["closing"]
    assert (shown["closing"]["attempts"], shown["closing"]["last_error"]) == (0, None)
    kept = await admin.call("POST", f"/users/{id_of(ada)}/cancel-deletion")
    assert expect(kept, 200).json()["status"] == "active"
    assert kept.json()["closing"] is None
    expect(await ada.me(), 200)
    assert "administrator" in (await house.outbox.last(ADA)).text
    again = await admin.call("POST", f"/users/{id_of(ada)}/cancel-deletion")
    problem(again, 409, "not_closing")


async def test_an_account_that_is_disabled_meanwhile_closes_all_the_same(house, ada):
    token = await close(ada)
    assert await disable_user(house.kw, id_of(ada), NOBODY)
    problem(await ada.login(), 401, "invalid_credentials")
    problem(await ada.post("/auth/cancel-deletion", json={"token": token}), 400, "invalid_link")
    assert await enable_user(house.kw, id_of(ada), NOBODY)
    house.clock.advance(seconds=1)
    await ada.sign_in()
    assert (await status(ada))["status"] == "closing"
    await disable_user(house.kw, id_of(ada), NOBODY)
    house.clock.advance(days=14)
    assert await purge_due(house.kw) == 1


async def test_an_administrator_may_delete_at_once_what_closes(house, ada):
    await close(ada)
    await delete_user(house.kw, id_of(ada), NOBODY)
    assert await house.count(closings) == 0
    house.clock.advance(days=14)
    assert await purge_due(house.kw) == 0
