"""Somebody at a browser who does what the pages say: reads, types, follows links, presses buttons.

Fields, links and buttons are found by their roles and names, as a screen reader finds them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Locator, Page, expect

from parts.browser import Watch

PASSWORD = "correct battery staple 8"
NEW_PASSWORD = "quiet harbour lantern 42"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1"
LOOKS = 100


class Person:
    """`watch` is what the browser complained about in any of the person's tabs."""

    def __init__(self, profile: BrowserContext, watch: Watch, site: str) -> None:
        self.profile = profile
        self.watch = watch
        self.site = site
        self.page: Page = profile.new_page()

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def open(self, path: str) -> None:
        self.page.goto(self.site + path)

    def enter(self, label: str, value: str) -> None:
        self.page.get_by_label(label, exact=True).fill(value)

    def follow(self, link: str) -> None:
        self.page.get_by_role("link", name=link, exact=True).click()

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    def stands_at(self, heading: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    def is_told(self, sentence: str) -> None:
        expect(self.page.get_by_role("status")).to_have_text(sentence)

    def is_refused(self, words: str, status: int) -> None:
        """The page says why, and the console that the answer was no success."""
        expect(self.page.get_by_role("alert")).to_contain_text(words)
        self.watch.forgive(f"status of {status}")

    def sign_up(self, address: str, password: str = PASSWORD) -> None:
        self.open("/sign-up")
        self.enter("E-mail address", address)
        self.enter("Password", password)
        self.press("Create account")
        self.stands_at("Check your mail")

    def sign_in(self, address: str, password: str = PASSWORD) -> None:
        self.open("/sign-in")
        self.enter("E-mail address", address)
        self.enter("Password", password)
        self.press("Sign in")

    def join(self, address: str) -> None:
        """The whole way in."""
        self.sign_up(address)
        self.open_mailed_link("Confirm", address)
        self.press("Confirm this address")
        self.sign_in(address)
        self.stands_at("Your account")

    def ask_for_reset(self, address: str) -> None:
        self.open("/forgot-password")
        self.enter("E-mail address", address)
        self.press("Send the link")
        self.stands_at("Check your mail")

    def open_mailed_link(self, subject: str, address: str) -> None:
        """A click in the mail opens a new tab, where the person goes on."""
        link = self.find_mailed_link(subject, address)
        with self.profile.expect_page() as tab:
            link.click()
        self.page = tab.value
        self.page.wait_for_load_state()

    def find_mailed_link(self, subject: str, address: str) -> Locator:
        """The link in the newest such mail, in the mail itself as /dev/mail shows it."""
        self.open("/dev/mail")
        mail = self.page.get_by_role("link", name=subject).filter(has_text=address).first
        self.look_again_until(mail)
        mail.click()
        shown = self.page.frame_locator("iframe[title='The mail as HTML']")
        return shown.get_by_role("link").first

    def look_again_until(self, mail: Locator) -> None:
        for _ in range(LOOKS):
            if mail.count():
                return
            self.page.reload()
        raise AssertionError(f"No such mail:\n{self.page.inner_text('main')}")
