from __future__ import annotations

from pathlib import Path

import pytest
from parts.visitor import ADA, ANOTHER_PASSWORD, PASSWORD, Visitor, quick_settings, serving

pytestmark = pytest.mark.anyio

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1"


@pytest.fixture
async def ada(visitor: Visitor) -> Visitor:
    await visitor.register()
    await visitor.sign_in()
    return visitor


@pytest.fixture
async def phone(ada: Visitor, stranger: Visitor) -> Visitor:
    """Ada's telephone, signed in too."""
    stranger.client.headers["User-Agent"] = IPHONE
    await stranger.sign_in()
    return stranger


async def test_the_account_shows_who_is_signed_in_and_where(ada: Visitor, phone: Visitor) -> None:
    page = await ada.open("/account")
    assert ADA in page.text
    assert "Safari on iPhone" in page.text
    assert page.text.index("Firefox on Linux This device") < page.text.index("Safari on iPhone")


async def test_one_device_is_signed_out(ada: Visitor, phone: Visitor) -> None:
    page = await ada.open("/account")
    (button,) = [one for one in page.document.all("button") if one.text.strip() == "Sign out"]
    assert "Safari on iPhone" in button.attributes["aria-label"]
    page = await ada.submit(page, session=button.attributes["value"])
    assert (page.path, page.announcement) == ("/account", "That device is signed out.")
    assert "iPhone" not in page.text
    assert (await phone.open("/account")).path == "/sign-in"


async def test_every_other_device_is_signed_out(ada: Visitor, phone: Visitor) -> None:
    page = await ada.submit(await ada.open("/account"), session="others")
    assert page.announcement == "Every other device is signed out."
    assert page.text.count("last used") == 1
    assert (await phone.open("/account")).path == "/sign-in"


@pytest.mark.parametrize("session", ["019cb8a5-6b00-7abc-8def-0123456789ab", "nonsense", "😀"])
async def test_a_session_that_is_not_there_is_told(ada: Visitor, session: str) -> None:
    page = await ada.submit(await ada.open("/account"), session=session)
    assert (page.status, page.heading) == (404, "Your account")
    assert "There is no such session" in page.problem


async def test_nobody_ends_the_session_of_somebody_else(ada: Visitor, stranger: Visitor) -> None:
    await stranger.register("bob@example.test", ANOTHER_PASSWORD)
    await stranger.sign_in("bob@example.test", ANOTHER_PASSWORD)
    bobs = await stranger.open("/account")
    await stranger.open("/account")
    laptop = Visitor(ada.client._transport.app, ada.settings)  # type: ignore[attr-defined]
    await laptop.sign_in()
    (button,) = [
        one
        for one in (await ada.open("/account")).document.all("button")
        if one.text.strip() == "Sign out"
    ]
    page = await stranger.submit(bobs, session=button.attributes["value"])
    assert page.status == 404
    assert (await laptop.open("/account")).path == "/account"


async def test_the_password_is_changed_by_who_knows_it(ada: Visitor, phone: Visitor) -> None:
    page = await ada.open("/account/password")
    wrong = await ada.submit(page, current_password="wrong one", new_password=ANOTHER_PASSWORD)
    assert wrong.status == 401
    assert "The password is not right" in wrong.complaint("current_password")
    weak = await ada.submit(wrong, current_password=PASSWORD, new_password="password1")
    assert weak.status == 422
    assert "common password" in weak.complaint("new_password")
    done = await ada.submit(weak, current_password=PASSWORD, new_password=ANOTHER_PASSWORD)
    assert (done.path, done.announcement) == (
        "/account",
        "Your password is changed, and every other device is signed out.",
    )
    assert (await phone.open("/account")).path == "/sign-in"
    assert (await phone.sign_in(password=ANOTHER_PASSWORD)).path == "/account"
    await ada.mail("was changed")


async def test_who_changed_the_password_is_not_shut_out_of_that_browser(
    ada: Visitor, stranger: Visitor
) -> None:
    page = await ada.open("/account/password")
    await ada.submit(page, current_password=PASSWORD, new_password=ANOTHER_PASSWORD)
    await stranger.guess_until_paused()
    ada.client.cookies.delete("kw_session")
    assert (await ada.sign_in(password=ANOTHER_PASSWORD)).path == "/account"


async def test_an_ended_session_leads_to_sign_in_from_any_page(
    ada: Visitor, phone: Visitor
) -> None:
    account, password = await phone.open("/account"), await phone.open("/account/password")
    await ada.submit(await ada.open("/account"), session="others")
    for page in (
        await phone.open("/account"),
        await phone.submit(account, session="others"),
        await phone.submit(password, current_password=PASSWORD, new_password=ANOTHER_PASSWORD),
    ):
        assert (page.path, page.status) == ("/sign-in", 200)
    assert page.form().fields["return_to"] == "/account/password"
    assert (await ada.open("/account")).path == "/account"


async def test_the_address_of_a_button_leads_back_to_the_account(ada: Visitor) -> None:
    assert (await ada.open("/account/sessions")).path == "/account"


async def test_a_link_to_confirm_is_offered_with_the_address_filled_in(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, require_verification=False)
    async with serving(settings) as app:
        visitor = Visitor(app, settings)
        await visitor.sign_up()
        assert (await visitor.open("/verify-email")).form().fields["email"] == ADA
