"""How the pages look, wide and narrow, light and dark, and how they read to a screen reader.

Pictures of all of them are left in pytest's temporary folder (`--basetemp` says where).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from parts.person import IPHONE, NEW_PASSWORD, Person
from playwright.sync_api import Page, expect

WIDTHS = (360, 1280)
SCHEMES = ("light", "dark")
LONG = "ada.with.a.very.long.name.and.a.tag+{}@mail.of.a.department.of.a.university.example.test"
FOCUSABLE = "a[href], button, input:not([type=hidden])"
SOME_NAME = re.compile(r"\w")

Look = Callable[[Person, str], None]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Judge the page in front of somebody, and take its pictures."""

    def at(person: Person, name: str) -> None:
        for width, scheme in product(WIDTHS, SCHEMES):
            person.page.set_viewport_size({"width": width, "height": 800})
            person.page.emulate_media(color_scheme=scheme)
            require_no_sideways_scrolling(person.page, f"{name} at {width}")
            picture = tmp_path / f"{name}-{width}-{scheme}.png"
            person.page.screenshot(path=picture, full_page=True)
        require_readable(person.page)

    return at


def require_no_sideways_scrolling(page: Page, what: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, what


def require_readable(page: Page) -> None:
    """A language, one heading of the first level inside the one main landmark, and names."""
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    for element in page.locator(FOCUSABLE).all():
        expect(element).to_have_accessible_name(SOME_NAME)


def test_the_way_in(somebody: Callable[..., Person], look: Look, address: str) -> None:
    ada, elsewhere = somebody(), somebody()
    address = LONG.format(address.partition("@")[0])
    ada.open("/sign-up")
    look(ada, "sign-up")
    ada.press("Create account")
    ada.is_refused("Enter your e-mail address", 422)
    look(ada, "sign-up-refused")
    ada.sign_up(address)
    look(ada, "check-mail")
    ada.open("/verify-email")
    look(ada, "ask-for-a-new-link")
    link = ada.find_mailed_link("Confirm", address).get_attribute("href")
    assert link is not None
    look(ada, "dev-mail-one")
    ada.follow("All mail")
    look(ada, "dev-mail-all")
    ada.page.goto(link)
    look(ada, "verify")
    elsewhere.page.goto(link)
    look(elsewhere, "verify-elsewhere")
    elsewhere.press("Confirm this address")
    elsewhere.is_refused("Choose a password", 409)
    look(elsewhere, "verify-elsewhere-refused")
    ada.press("Confirm this address")
    ada.is_told("Your e-mail address is confirmed.")
    look(ada, "sign-in-announced")
    ada.sign_in(address, "not the password")
    ada.is_refused("not right", 401)
    look(ada, "sign-in-refused")


def test_the_account_and_the_way_back_to_it(
    somebody: Callable[..., Person], look: Look, address: str
) -> None:
    ada, telephone = somebody(), somebody(user_agent=IPHONE)
    address = LONG.format(address.partition("@")[0])
    ada.join(address)
    telephone.sign_in(address)
    ada.page.reload()
    look(ada, "account")
    ada.press("Sign out every other device")
    ada.is_told("Every other device is signed out.")
    look(ada, "account-announced")
    ada.follow("Change your password")
    look(ada, "change-password")
    ada.press("Change the password")
    ada.is_refused("Choose a new password", 422)
    look(ada, "change-password-refused")
    ada.follow("Sign out")
    look(ada, "sign-out")
    ada.press("Sign out")
    ada.stands_at("Sign in")
    ada.follow("Forgot your password?")
    look(ada, "forgot-password")
    ada.ask_for_reset(address)
    look(ada, "reset-sent")
    ada.open_mailed_link("Reset", address)
    look(ada, "reset-password")
    link = ada.page.url
    ada.enter("New password", NEW_PASSWORD)
    ada.press("Set the new password")
    ada.is_told("Your new password is set. Sign in with it.")
    ada.page.goto(link)
    ada.watch.forgive("status of 400")
    look(ada, "dead-link")
    ada.open("/no-such-page")
    ada.watch.forgive("status of 404")
    look(ada, "not-found")
    ada.open("/sign-in?return_to=//elsewhere.example")
    ada.watch.forgive("status of 400")
    look(ada, "unregistered-return")
