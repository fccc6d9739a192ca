"""The pages that the links of a change of address open: they explain, and a button does it."""

from __future__ import annotations

import pytest
from parts.visitor import ADA, ANOTHER_PASSWORD, PASSWORD, Visitor, serving

from keywright.core.clock import ManualClock
from keywright.core.settings import Settings

pytestmark = pytest.mark.anyio
NEW = "ada@new.example.test"


async def ask(visitor: Visitor, new_email: str = NEW) -> None:
    """By the API, with the pages' own cookie."""
    answer = await visitor.client.post(
        "/api/v1/auth/change-email",
        json={"new_email": new_email},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 202, answer.text


async def signed_in(visitor: Visitor) -> Visitor:
    await visitor.register()
    await visitor.sign_in()
    return visitor


async def confirm(visitor: Visitor) -> None:
    await ask(visitor)
    link = await visitor.mailed_link("Confirm your new", to=NEW)
    page = await visitor.submit(await visitor.open(link))
    assert page.announcement == "Your account has its new e-mail address."


async def way_back(visitor: Visitor) -> str:
    return await visitor.mailed_link("was changed")


async def test_the_new_address_is_confirmed_by_a_button(visitor: Visitor) -> None:
    await signed_in(visitor)
    await ask(visitor)
    link = await visitor.mailed_link("Confirm your new", to=NEW)
    page = await visitor.open(link)
    assert page.heading == "Confirm your new e-mail address"
    assert NEW in page.html
    assert page.response.headers["referrer-policy"] == "same-origin"
    assert (await visitor.open("/account")).text.count(NEW) == 0
    done = await visitor.submit(page)
    assert (done.path, done.announcement) == (
        "/account",
        "Your account has its new e-mail address.",
    )
    assert NEW in done.text
    again = await visitor.submit(page)
    assert (again.status, again.heading) == (400, "This link does not work any more")
    assert "If it worked the first time" in again.text


async def test_in_another_browser_the_button_leads_to_signing_in(
    visitor: Visitor, stranger: Visitor
) -> None:
    await signed_in(visitor)
    await ask(visitor)
    page = await stranger.open(await visitor.mailed_link("Confirm your new", to=NEW))
    done = await stranger.submit(page)
    assert (done.path, done.announcement) == (
        "/sign-in",
        "Your account has its new e-mail address.",
    )
    assert (await visitor.open("/account")).path == "/account"


async def test_the_way_back_leads_straight_to_a_new_password(
    visitor: Visitor, stranger: Visitor
) -> None:
    await signed_in(visitor)
    await confirm(visitor)
    page = await stranger.open(await way_back(visitor))
    assert page.heading == "Take your account back"
    assert ADA in page.html
    assert NEW in page.text
    assert (await visitor.open("/account")).path == "/account"
    form = await stranger.submit(page)
    assert (form.path, form.heading) == ("/reset-password", "Choose a new password")
    assert form.announcement == "Your address is back, and every device is signed out."
    assert (await visitor.open("/account")).path == "/sign-in"
    assert (await stranger.sign_in(password=PASSWORD)).status == 401
    done = await stranger.submit(form, new_password=ANOTHER_PASSWORD)
    assert done.announcement == "Your new password is set. Sign in with it."
    assert (await stranger.sign_in(password=ANOTHER_PASSWORD)).path == "/account"


async def test_a_way_back_that_was_used_offers_a_link_to_a_new_password(visitor: Visitor) -> None:
    await signed_in(visitor)
    await confirm(visitor)
    page = await visitor.open(await way_back(visitor))
    await visitor.submit(page)
    again = await visitor.submit(page)
    assert (again.status, again.heading) == (400, "This link does not work any more")
    assert again.form().action == "/forgot-password"
    assert (await visitor.submit(again, email=ADA)).heading == "Check your mail"


async def test_links_that_are_too_old_say_so(settings: Settings) -> None:
    clock = ManualClock()
    async with serving(settings, clock=clock) as app:
        visitor = Visitor(app, settings)
        await signed_in(visitor)
        await confirm(visitor)
        link = await way_back(visitor)
        clock.advance(hours=72)
        assert (await visitor.open(link)).heading == "This link does not work any more"


@pytest.mark.parametrize("path", ["/confirm-email-change", "/undo-email-change"])
@pytest.mark.parametrize("token", ["", "x", "%F0%9F%98%80", "a" * 5000, "%ff%fe", "'\"><b>"])
async def test_a_token_that_never_was_changes_nothing(
    visitor: Visitor, path: str, token: str
) -> None:
    page = await visitor.open(f"{path}?token={token}")
    assert (page.status, page.heading) == (400, "This link does not work any more")


@pytest.mark.parametrize("path", ["/confirm-email-change", "/undo-email-change"])
async def test_the_button_needs_our_own_form(visitor: Visitor, path: str) -> None:
    await signed_in(visitor)
    await ask(visitor)
    link = await visitor.mailed_link("Confirm your new", to=NEW)
    if "undo" in path:
        await visitor.submit(await visitor.open(link))
        link = await way_back(visitor)
    token = link.partition("=")[2]
    refused = await visitor.send(path, {"token": token})
    assert refused.status == 403
    assert "Please send this again" in refused.problem
    assert (await visitor.submit(refused)).status == 200
