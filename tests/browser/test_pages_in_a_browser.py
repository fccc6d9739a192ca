"""The main job as a new user meets it: every step by what the page in front of them says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from parts.person import IPHONE, NEW_PASSWORD, PASSWORD, Person
from playwright.sync_api import expect

TELEPHONE = {"user_agent": IPHONE, "viewport": {"width": 360, "height": 740}}


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_new_user_joins_looks_after_the_account_and_recovers_it(
    somebody: Callable[..., Person], address: str, scripts: bool
) -> None:
    laptop = somebody(java_script_enabled=scripts)
    telephone = somebody(java_script_enabled=scripts, **TELEPHONE)
    signs_up(laptop, address)
    confirms_the_address(laptop, address)
    sees_where_it_is_signed_in(laptop, telephone, address)
    ends_the_session_of_the_telephone(laptop, telephone)
    resets_the_password(laptop, telephone, address)


def signs_up(laptop: Person, address: str) -> None:
    laptop.open("/")
    laptop.stands_at("Sign in")
    laptop.follow("Create an account")
    laptop.enter("E-mail address", address)
    laptop.enter("Password", "password1")
    laptop.press("Create account")
    laptop.is_refused("common password", 422)
    laptop.enter("Password", PASSWORD)
    laptop.press("Create account")
    laptop.stands_at("Check your mail")
    expect(laptop.page.get_by_role("main")).to_contain_text(address)


def confirms_the_address(laptop: Person, address: str) -> None:
    """Looking at the link uses nothing up: it is opened twice before its button is pressed."""
    laptop.sign_in(address)
    laptop.is_refused("not verified", 403)
    for _ in range(2):
        laptop.open_mailed_link("Confirm", address)
        laptop.stands_at("Confirm your e-mail address")
    laptop.press("Confirm this address")
    laptop.is_told("Your e-mail address is confirmed.")


def sees_where_it_is_signed_in(laptop: Person, telephone: Person, address: str) -> None:
    for person in (laptop, telephone):
        person.sign_in(address)
        person.stands_at("Your account")
        assert person.path == "/account"
    laptop.page.reload()
    devices = laptop.page.get_by_role("region", name="Where you are signed in")
    expect(devices.get_by_role("listitem")).to_contain_text(["This device", "Safari on iPhone"])
    expect(laptop.page.get_by_role("region", name="Profile")).to_contain_text(address)


def ends_the_session_of_the_telephone(laptop: Person, telephone: Person) -> None:
    laptop.page.get_by_role("button", name="Sign out Safari on iPhone").click()
    laptop.is_told("That device is signed out.")
    expect(laptop.page.get_by_text("Safari on iPhone")).to_have_count(0)
    telephone.page.reload()
    telephone.stands_at("Sign in")


def resets_the_password(laptop: Person, telephone: Person, address: str) -> None:
    telephone.follow("Forgot your password?")
    telephone.ask_for_reset(address)
    telephone.open_mailed_link("Reset", address)
    telephone.stands_at("Choose a new password")
    expect(telephone.page.get_by_label("E-mail address")).to_have_value(address)
    telephone.enter("New password", NEW_PASSWORD)
    telephone.press("Set the new password")
    telephone.is_told("Your new password is set. Sign in with it.")
    laptop.page.reload()
    laptop.stands_at("Sign in")
    telephone.sign_in(address, PASSWORD)
    telephone.is_refused("not right", 401)
    telephone.enter("Password", NEW_PASSWORD)
    telephone.press("Sign in")
    telephone.stands_at("Your account")


def test_a_link_opened_in_another_browser_asks_for_a_new_password(
    somebody: Callable[..., Person], address: str
) -> None:
    laptop, telephone = somebody(), somebody(**TELEPHONE)
    laptop.sign_up(address)
    telephone.page.goto(mailed_address(laptop, "Confirm", address))
    expect(telephone.page.get_by_role("main")).to_contain_text("opened in another browser")
    telephone.enter("Password", NEW_PASSWORD)
    telephone.press("Confirm this address")
    telephone.is_told("Your e-mail address is confirmed.")
    laptop.sign_in(address, PASSWORD)
    laptop.is_refused("not right", 401)
    laptop.sign_in(address, NEW_PASSWORD)
    laptop.stands_at("Your account")


def test_signing_in_and_out_takes_no_mouse(somebody: Callable[..., Person], address: str) -> None:
    ada = somebody()
    ada.join(address)
    ada.open("/sign-out")
    keyboard = ada.page.keyboard
    tab_to(ada, "link", "Account", "Sign out")
    tab_to(ada, "button", "Sign out")
    keyboard.press("Enter")
    ada.is_told("You are signed out.")
    tab_to(ada, "textbox", "E-mail address")
    keyboard.type(address)
    tab_to(ada, "textbox", "Password")
    keyboard.type("not the password")
    keyboard.press("Enter")
    ada.is_refused("not right", 401)
    tab_to(ada, "textbox", "E-mail address", "Password")
    keyboard.type(PASSWORD)
    tab_to(ada, "button", "Sign in")
    keyboard.press("Enter")
    ada.stands_at("Your account")


def test_a_refused_form_leads_the_keyboard_to_each_field_that_is_wrong(
    somebody: Callable[..., Person],
) -> None:
    ada = somebody()
    ada.open("/sign-up")
    ada.press("Create account")
    ada.is_refused("Some values are not accepted", 422)
    expect(ada.page.get_by_role("alert")).to_be_focused()
    tab_to(ada, "link", "Enter your e-mail address.", "Choose a password.")
    ada.page.keyboard.press("Enter")
    password = ada.page.get_by_role("textbox", name="Password")
    expect(password).to_be_focused()
    expect(password).to_have_accessible_description(
        "At least 8 characters. A few uncommon words make a good one. Error: Choose a password."
    )


def tab_to(person: Person, role: str, *names: str) -> None:
    """Each press of Tab goes to the next of these, and one sees where it is."""
    for name in names:
        person.page.keyboard.press("Tab")
        reached = person.page.get_by_role(role, name=name, exact=True)
        expect(reached).to_be_focused()
        expect(reached).not_to_have_css("outline-style", "none")


def mailed_address(person: Person, subject: str, address: str) -> str:
    """What one copies from the mail to open it elsewhere."""
    link = person.find_mailed_link(subject, address).get_attribute("href")
    assert link is not None
    return link
