"""Rules of security.md on what a person sees of themselves: export, security log, notices."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import UUID

import pytest
from parts.house import (
    ADA,
    BASE_URL,
    CALLER,
    ELSEWHERE,
    EVE,
    HOME,
    OTHER_PASSWORD,
    House,
    claims_of,
    expect,
    problem,
)

from keywright import User
from keywright.accounts.users.table import users as user_table
from keywright.core.db import Statement
from keywright.core.exporting import Reader
from keywright.core.ids import new_id
from keywright.flows.administer_roles import grant_role
from keywright.flows.administrators import Actor
from keywright.flows.export_account import write_document
from keywright.sessions import service as sessions

pytestmark = pytest.mark.anyio
EXPORT = "/auth/export"
NEW_SIGN_IN = "New sign-in to your Keywright account"
FORGET_NAMES = Statement(user_table.update().values(name=None))


async def mails_to(house: House, subject: str) -> int:
    return [mail.subject for mail in await house.outbox.mails(ADA)].count(subject)


async def test_an_export_needs_a_recent_sign_in(house: House) -> None:
    visitor = await house.native()
    await visitor.join()
    house.clock.advance(minutes=11)
    expect(await visitor.refresh(), 200)
    answer = await visitor.call("GET", EXPORT)
    problem(answer, 401, "reauthentication_required")
    assert "insufficient_user_authentication" in answer.headers["www-authenticate"]
    expect(await visitor.reauthenticate(), 200)
    expect(await visitor.call("GET", EXPORT), 200)


async def test_the_owner_is_told_of_an_export(house: House) -> None:
    visitor = await house.native()
    await visitor.join()
    expect(await visitor.call("GET", EXPORT), 200)
    assert await mails_to(house, "Your data was exported") == 1
    events = expect(await visitor.call("GET", "/auth/events"), 200).json()["items"]
    assert "user.exported" in [one["event"] for one in events]


async def test_exports_of_an_account_are_limited(house: House) -> None:
    visitor = await house.native()
    await visitor.join()
    for _ in range(10):
        expect(await visitor.call("GET", EXPORT), 200)
    problem(await visitor.call("GET", EXPORT), 429, "too_many_requests")


@pytest.mark.settings(rate_limits="on")
async def test_exports_are_limited_by_address(house: House) -> None:
    visitor = await house.native()
    await visitor.join()
    for _ in range(5):
        expect(await visitor.call("GET", EXPORT), 200)
    answer = await visitor.call("GET", EXPORT)
    problem(answer, 429, "too_many_requests")
    assert "export" in answer.headers["ratelimit"]


async def test_no_page_of_another_site_makes_a_browser_export(house: House) -> None:
    """A link there would carry the cookie, mail the owner, and use the limit up."""
    browser = await house.browser()
    await browser.join()
    await browser.sign_in_to_pages()
    del browser.http.headers["Origin"]
    for site in ("cross-site", "same-site"):
        answer = await browser.get(EXPORT, headers={"Sec-Fetch-Site": site})
        problem(answer, 403, "cross_site_request")
    own = {"Sec-Fetch-Site": "same-origin"}
    expect(await browser.get(EXPORT, headers=own), 200)
    expect(await browser.get(EXPORT, headers={**own, "Origin": BASE_URL}), 200)


async def test_an_export_carries_no_secret(house: House) -> None:
    browser = await house.browser()
    await browser.join()
    await browser.sign_in_to_pages()
    await browser.forgot()
    user_id = UUID(claims_of(browser.access_token)["sub"])
    with await write_document(house.kw, user_id) as document:
        text = document.read().decode()
    held = await sessions.list_for_user(house.kw.db, user_id, house.clock.now())
    secrets = [one for row in held for one in (row.page_digest, row.refresh_salt) if one]
    assert len(secrets) == 2
    for secret in secrets:
        assert base64.b64encode(secret).decode().rstrip("=") not in text
        assert secret.hex() not in text
    assert "$argon2" not in text
    mailed = await house.outbox.last(ADA)
    assert mailed.token not in text


async def test_a_source_of_an_export_writes_nothing(house: House) -> None:
    @house.kw.hooks.exports("orders")
    async def orders(user: User, db: Reader) -> Any:
        return await db.many(FORGET_NAMES)

    visitor = await house.native()
    await visitor.join(name="Ada")
    expect(await visitor.call("GET", EXPORT), 500)
    assert (await visitor.me()).json()["name"] == "Ada"


async def test_nobody_learns_which_administrator_acted_or_from_where(house: House) -> None:
    admin = await house.under_test.create_user(EVE, roles=["admin"])
    visitor = await house.native(ELSEWHERE)
    await visitor.join()
    me = UUID(claims_of(visitor.access_token)["sub"])
    house.clock.advance(minutes=1)
    await grant_role(house.kw, me, "moderator", Actor(admin.id, CALLER))
    events = expect(await visitor.call("GET", "/auth/events"), 200).json()
    assert events["items"][0]["by"] == "administrator"
    with await write_document(house.kw, me) as document:
        exported = json.loads(document.read())
    assert exported["events"][0]["by"] == "administrator"
    for said in (json.dumps(events), json.dumps(exported)):
        assert HOME not in said
        assert str(admin.id) not in said
        assert EVE not in said


async def test_the_owner_hears_of_a_sign_in_from_a_new_device(house: House) -> None:
    await (await house.native()).join()
    assert await mails_to(house, NEW_SIGN_IN) == 0
    await (await house.native(ELSEWHERE)).sign_in()
    assert await mails_to(house, NEW_SIGN_IN) == 1


async def test_a_thief_s_device_is_not_known_after_a_reset(house: House) -> None:
    desk, thief = await house.native(), await house.native(ELSEWHERE)
    await desk.join()
    await thief.sign_in()
    house.clock.advance(minutes=1)
    await desk.forgot()
    expect(await desk.reset((await house.outbox.last(ADA)).token), 200)
    await thief.sign_in(password=OTHER_PASSWORD)
    assert await mails_to(house, NEW_SIGN_IN) == 2


async def test_notices_of_sign_ins_do_not_fill_a_mailbox(house: House) -> None:
    await (await house.native()).join()
    for number in range(6):
        await (await house.native(f"198.51.100.{number}")).sign_in()
    assert await mails_to(house, NEW_SIGN_IN) == 3


@pytest.mark.parametrize("name", ["password_changed", "security_notice", "deletion", "reset"])
async def test_mails_that_protect_an_account_cannot_be_switched_off(
    house: House, name: str
) -> None:
    visitor = await house.native()
    await visitor.join()
    body = {"notifications": {name: False}}
    problem(await visitor.call("PATCH", "/users/me", json=body), 422, "unknown_notification")


async def test_no_mail_goes_to_an_address_that_is_not_proven(house: House) -> None:
    user = await house.under_test.create_user(ADA, verified=False)
    assert not await house.under_test.keywright.wants_mail(user.id, "new_sign_in")
    assert not await house.under_test.keywright.wants_mail(new_id(house.clock.now()), "new_sign_in")
