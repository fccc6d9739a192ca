"""security.md where only a browser can tell: the rules that rest on what browsers do with answers.

The server runs in this process, where `make sabotage` can take its defences away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from parts.browser import ELSEWHERE
from parts.person import PASSWORD, Person
from parts.processes import free_port
from parts.served import served
from parts.visitor import quick_settings
from playwright.sync_api import Error, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from keywright.app import standalone
from keywright.integration import Keywright

NEIGHBOR = "127.0.0.1"  # another port of the same host: another origin, but the same site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """In place of the program of its own that other tests look at."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    settings = quick_settings(tmp_path, base_url=base_url, require_verification=False)
    with served(standalone(Keywright(settings)), port):
        yield base_url


def arrives(person: Person, address: str) -> None:
    """Signed up and in: this site asks nobody to confirm the address first."""
    person.open("/sign-up")
    person.enter("E-mail address", address)
    person.enter("Password", PASSWORD)
    person.press("Create account")
    person.stands_at("Your account")


class OtherSite:
    """Shows `page` at every path and remembers what browsers said about where they came from."""

    def __init__(self) -> None:
        self.port = free_port()
        self.page = ""
        self.referrers: list[str | None] = []
        self.app = Starlette()
        self.app.add_route("/", self.show)

    async def show(self, request: Request) -> Response:
        self.referrers.append(request.headers.get("referer"))
        return HTMLResponse(
            f"<!doctype html><title>Elsewhere</title><link rel=icon href=data:,>{self.page}"
        )

    def at(self, host: str) -> str:
        return f"http://{host}:{self.port}/"


@pytest.fixture
def other_site() -> Iterator[OtherSite]:
    site = OtherSite()
    with served(site.app, site.port):
        yield site


def test_no_page_is_shown_in_the_frame_of_another_site(
    somebody: Callable[..., Person], site: str, other_site: OtherSite
) -> None:
    other_site.page = f"<iframe src='{site}/sign-in'></iframe>"
    ada = somebody()
    ada.page.goto(other_site.at(ELSEWHERE))
    expect(ada.page.frame_locator("iframe").get_by_role("heading", name="Sign in")).to_have_count(0)
    ada.watch.forgive("frame-ancestors")


def test_a_script_that_got_into_a_page_does_not_run(somebody: Callable[..., Person]) -> None:
    ada = somebody()
    ada.open("/sign-in")
    with pytest.raises(Error):
        ada.page.add_script_tag(content="document.title = 'run'")
    assert "Sign in" in ada.page.title()
    ada.watch.forgive("Content Security Policy")


@pytest.mark.parametrize("host", [ELSEWHERE, NEIGHBOR])
def test_a_form_on_another_site_signs_nobody_in(
    somebody: Callable[..., Person], address: str, site: str, other_site: OtherSite, host: str
) -> None:
    """Signed in to the attacker's account, a person would entrust it with what is theirs."""
    arrives(somebody(), address)
    other_site.page = (
        f"<form method=post action='{site}/api/v1/auth/login'>"
        f"<input name=username value='{address}'><input name=password value='{PASSWORD}'>"
        "<button>Win a prize</button></form>"
    )
    ada = somebody()
    ada.page.goto(other_site.at(host))
    ada.press("Win a prize")
    expect(ada.page.locator("body")).to_contain_text("cross_site_request")
    assert ada.profile.cookies(f"{site}/api/v1/auth/refresh") == []
    ada.watch.forgive("status of 403")


def test_after_signing_out_the_back_button_shows_no_private_page(
    somebody: Callable[..., Person], address: str
) -> None:
    ada = somebody()
    arrives(ada, address)
    ada.follow("Change your password")
    ada.follow("Sign out")
    ada.press("Sign out")
    ada.is_told("You are signed out.")
    for _ in range(3):
        ada.page.go_back(wait_until="commit")
        ada.stands_at("Sign in")
        assert address not in ada.page.content()


def test_a_page_with_a_mailed_token_tells_no_other_site_where_one_was(
    somebody: Callable[..., Person], address: str, other_site: OtherSite
) -> None:
    ada = somebody()
    arrives(ada, address)
    ada.open_mailed_link("Confirm", address)
    ada.page.evaluate("address => { location = address }", other_site.at(ELSEWHERE))
    expect(ada.page).to_have_title("Elsewhere")
    assert other_site.referrers == [None]


def test_another_name_for_this_machine_opens_no_development_mail(
    somebody: Callable[..., Person], address: str, site: str
) -> None:
    """DNS rebinding: a site of the attacker's, whose name leads to 127.0.0.1."""
    ada = somebody()
    arrives(ada, address)
    ada.page.goto(f"{site.replace('127.0.0.1', ELSEWHERE)}/dev/mail")
    expect(ada.page.locator("body")).not_to_contain_text("Confirm")
    ada.watch.forgive("status of 404")


def test_no_script_reads_a_cookie(somebody: Callable[..., Person], address: str) -> None:
    ada = somebody()
    arrives(ada, address)
    assert ada.profile.cookies()
    assert ada.page.evaluate("document.cookie") == ""
