from __future__ import annotations

from pathlib import Path

import pytest
from parts.visitor import ADA, ANOTHER_PASSWORD, BASE_URL, Visitor, quick_settings, serving
from pydantic import BaseModel

pytestmark = pytest.mark.anyio


async def test_a_person_signs_up_proves_the_address_and_signs_in(visitor: Visitor) -> None:
    page = await visitor.sign_up()
    assert (page.status, page.heading) == (200, "Check your mail")
    assert ADA in page.text
    link = await visitor.mailed_link("Confirm")
    asked = await visitor.open(link)
    assert asked.heading == "Confirm your e-mail address"
    assert ADA in asked.html
    assert "new_password" not in asked.form().fields
    confirmed = await visitor.submit(asked)
    assert (confirmed.path, confirmed.announcement) == (
        "/sign-in",
        "Your e-mail address is confirmed.",
    )
    assert (await visitor.sign_in()).path == "/account"


async def test_a_weak_password_is_explained_at_its_field(visitor: Visitor) -> None:
    page = await visitor.sign_up(password="password1")
    assert page.status == 422
    assert "common password" in page.complaint("password")
    assert page.form().fields["email"] == ADA


async def test_something_that_is_no_address_is_explained_at_its_field(visitor: Visitor) -> None:
    page = await visitor.sign_up(email="nonsense")
    assert page.status == 422
    assert "@" in page.complaint("email")


async def test_a_lost_mail_is_sent_again(visitor: Visitor) -> None:
    page = await visitor.sign_up()
    await visitor.mail("Confirm")
    again = await visitor.submit(page)
    assert again.heading == "Check your mail"
    link = await visitor.mailed_link("Confirm", count=2)
    assert (await visitor.submit(await visitor.open(link))).path == "/sign-in"


async def test_a_new_link_may_be_asked_for_at_any_time(visitor: Visitor) -> None:
    await visitor.sign_up()
    await visitor.mail("Confirm")
    page = await visitor.open("/verify-email")
    assert page.heading == "Ask for a new link"
    assert "Enter your e-mail address." in (await visitor.submit(page)).complaint("email")
    assert (await visitor.submit(page, email=ADA)).heading == "Check your mail"
    await visitor.mail("Confirm", count=2)
    assert (await visitor.open("/verify-email/resend")).path == "/verify-email"


async def test_without_verification_a_sign_up_is_signed_in_at_once(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, require_verification=False)
    async with serving(settings) as app:
        visitor = Visitor(app, settings)
        page = await visitor.sign_up()
        assert (page.path, page.heading) == ("/account", "Your account")
        assert "Not confirmed yet" in page.text
        assert page.text.count("last used") == 1
        assert "kw_refresh" not in visitor.cookies
        link = await visitor.mailed_link("Confirm")
        proven = await visitor.submit(await visitor.open(link))
        assert (proven.path, proven.announcement) == (
            "/account",
            "Your e-mail address is confirmed.",
        )
        assert "Not confirmed yet" not in proven.text


async def test_who_was_signed_in_by_signing_up_is_not_shut_out(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, require_verification=False)
    async with serving(settings) as app:
        visitor = Visitor(app, settings)
        await visitor.sign_up()
        await Visitor(app, settings).guess_until_paused()
        del visitor.client.cookies["kw_session"]
        assert (await visitor.sign_in()).path == "/account"


async def test_without_verification_a_taken_address_is_told_at_its_field(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, require_verification=False)
    async with serving(settings) as app:
        await Visitor(app, settings).sign_up()
        page = await Visitor(app, settings).sign_up(password=ANOTHER_PASSWORD)
    assert page.status == 409
    assert "There is an account" in page.complaint("email")


async def test_without_verification_a_sign_up_goes_on_to_where_it_was_going(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, require_verification=False)
    async with serving(settings) as app:
        visitor = Visitor(app, settings)
        page = await visitor.open("/sign-up?return_to=/account/password")
        page = await visitor.submit(page, email=ADA, password=ANOTHER_PASSWORD)
    assert page.path == "/account/password"


class Company(BaseModel):
    company: str


@pytest.mark.parametrize("proven", [True, False])
async def test_fields_of_a_host_that_the_page_has_not_keep_nobody_out(
    tmp_path: Path, proven: bool
) -> None:
    settings = quick_settings(tmp_path, require_verification=proven)
    async with serving(settings, profile=Company) as app:
        visitor = Visitor(app, settings)
        page = await visitor.sign_up()
        if proven:
            await visitor.submit(await visitor.open(await visitor.mailed_link("Confirm")))
            page = await visitor.sign_in()
        assert (page.status, page.path) == (200, "/account")


async def test_the_development_mailbox_is_pointed_at_in_development_alone(
    visitor: Visitor, tmp_path: Path
) -> None:
    assert "/dev/mail" in (await visitor.sign_up()).html
    production = tmp_path / "production"
    production.mkdir()
    settings = quick_settings(
        production,
        base_url=BASE_URL.replace("http", "https"),
        env="production",
        mail_from="Example <accounts@example.com>",
        secret_key="k3yOfThisVeryTest-0123456789-abcdef",
        mail_url="smtp://127.0.0.1:9",
    )
    async with serving(settings) as app:
        page = await Visitor(app, settings).sign_up()
    assert page.heading == "Check your mail"
    assert "/dev/mail" not in page.html
