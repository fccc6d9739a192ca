from __future__ import annotations

import pytest
from parts.visitor import ADA, ANOTHER_PASSWORD, PASSWORD, Visitor, serving

from keywright.core.clock import ManualClock
from keywright.core.settings import Settings

pytestmark = pytest.mark.anyio


async def ask_for_reset(visitor: Visitor, *, count: int = 1) -> str:
    page = await visitor.open("/forgot-password")
    await visitor.submit(page, email=ADA)
    return await visitor.mailed_link("Reset", count=count)


async def test_in_another_browser_the_link_asks_for_a_new_password(
    visitor: Visitor, stranger: Visitor
) -> None:
    await visitor.sign_up()
    page = await stranger.open(await visitor.mailed_link("Confirm"))
    assert "another browser" in page.text
    refused = await stranger.submit(page)
    assert refused.status == 409
    assert "Choose a password that only you know" in refused.complaint("new_password")
    weak = await stranger.submit(refused, new_password="password1")
    assert "common password" in weak.complaint("new_password")
    done = await stranger.submit(weak, new_password=ANOTHER_PASSWORD)
    assert done.announcement == "Your e-mail address is confirmed."
    assert (await stranger.sign_in(password=PASSWORD)).status == 401
    assert (await stranger.sign_in(password=ANOTHER_PASSWORD)).path == "/account"


async def test_a_used_link_offers_a_new_one(visitor: Visitor) -> None:
    await visitor.sign_up()
    link = await visitor.mailed_link("Confirm")
    asked = await visitor.open(link)
    await visitor.submit(asked)
    for page in (await visitor.submit(asked), await visitor.open(link)):
        assert (page.status, page.heading) == (400, "This link does not work any more")
        assert page.form().action == "/verify-email/resend"


async def test_an_expired_link_offers_a_new_one(settings: Settings) -> None:
    clock = ManualClock()
    async with serving(settings, clock=clock) as app:
        visitor = Visitor(app, settings)
        await visitor.sign_up()
        link = await visitor.mailed_link("Confirm")
        clock.advance(hours=24, seconds=1)
        page = await visitor.open(link)
        assert page.heading == "This link does not work any more"
        assert (await visitor.submit(page, email=ADA)).heading == "Check your mail"
        link = await visitor.mailed_link("Confirm", count=2)
        assert (await visitor.submit(await visitor.open(link))).path == "/sign-in"


async def test_a_forgotten_password_is_replaced_by_the_mailed_link(visitor: Visitor) -> None:
    await visitor.register()
    page = await visitor.open(await ask_for_reset(visitor))
    assert page.heading == "Choose a new password"
    assert ADA in page.html
    weak = await visitor.submit(page, new_password="password1")
    assert weak.status == 422
    assert "common password" in weak.complaint("new_password")
    done = await visitor.submit(weak, new_password=ANOTHER_PASSWORD)
    assert (done.path, done.announcement) == (
        "/sign-in",
        "Your new password is set. Sign in with it.",
    )
    assert "kw_session" not in visitor.cookies
    assert (await visitor.sign_in(password=PASSWORD)).status == 401
    assert (await visitor.sign_in(password=ANOTHER_PASSWORD)).path == "/account"


async def test_a_form_that_was_sent_twice_says_that_the_first_time_worked(
    visitor: Visitor,
) -> None:
    await visitor.register()
    asked = await visitor.open(await ask_for_reset(visitor))
    await visitor.submit(asked, new_password=ANOTHER_PASSWORD)
    again = await visitor.submit(asked, new_password=ANOTHER_PASSWORD)
    assert (again.status, again.heading) == (400, "This link does not work any more")
    assert "If it worked the first time, your new password is set: sign in with it." in again.text
    assert "/sign-in" in [link.attributes["href"] for link in again.document.all("a")]
    assert (await visitor.sign_in(password=ANOTHER_PASSWORD)).path == "/account"


async def test_a_confirmation_that_was_sent_twice_says_that_the_first_time_worked(
    visitor: Visitor,
) -> None:
    await visitor.sign_up()
    asked = await visitor.open(await visitor.mailed_link("Confirm"))
    await visitor.submit(asked)
    again = await visitor.submit(asked)
    assert "If it worked the first time, your e-mail address is confirmed: sign in." in again.text
    assert "/sign-in" in [link.attributes["href"] for link in again.document.all("a")]


async def test_a_reset_signs_every_device_out(visitor: Visitor, stranger: Visitor) -> None:
    await visitor.register()
    await visitor.sign_in()
    page = await stranger.open(await ask_for_reset(stranger))
    await stranger.submit(page, new_password=ANOTHER_PASSWORD)
    assert (await visitor.open("/account")).path == "/sign-in"


async def test_an_expired_reset_link_offers_a_new_one(settings: Settings) -> None:
    clock = ManualClock()
    async with serving(settings, clock=clock) as app:
        visitor = Visitor(app, settings)
        await visitor.register()
        link = await ask_for_reset(visitor)
        clock.advance(hours=1, seconds=1)
        page = await visitor.open(link)
        assert (page.status, page.heading) == (400, "This link does not work any more")
        assert page.form().action == "/forgot-password"
        assert (await visitor.submit(page, email=ADA)).heading == "Check your mail"
        assert (await visitor.open(await visitor.mailed_link("Reset", count=2))).status == 200


async def test_a_reset_without_a_link_begins_at_the_beginning(visitor: Visitor) -> None:
    assert (await visitor.open("/reset-password")).path == "/forgot-password"


async def test_one_kind_of_link_does_not_open_the_other_page(visitor: Visitor) -> None:
    await visitor.register()
    link = await ask_for_reset(visitor)
    page = await visitor.open(link.replace("/reset-password", "/verify-email"))
    assert page.heading == "This link does not work any more"


@pytest.mark.parametrize("token", ["x", "%F0%9F%98%80", "a" * 5000, "%ff%fe", "'\"><b>"])
async def test_a_token_that_never_was_ends_on_the_same_page(visitor: Visitor, token: str) -> None:
    for path in ("/verify-email", "/reset-password"):
        page = await visitor.open(f"{path}?token={token}")
        assert (page.status, page.heading) == (400, "This link does not work any more")
