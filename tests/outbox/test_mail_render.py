from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest
from parts.outbox import ADA, EVERY_MAIL, NOW, RESET, ROW_ID, TOKEN, row_message

from keywright.core.settings import Settings
from keywright.outbox.channels.mail.mails import AnyMail, LinkMail, SecurityNotice
from keywright.outbox.channels.mail.render import MailRenderer

every_mail = pytest.mark.parametrize("said", EVERY_MAIL, ids=lambda said: type(said).__name__)


@every_mail
def test_every_mail_has_a_subject_a_text_and_html_that_is_well_formed(
    said: AnyMail, settings: Settings
) -> None:
    mail = MailRenderer(settings).render(said, row_message())
    assert mail.subject == mail.subject.strip() != ""
    assert "\n" not in mail.subject
    assert mail.to.addr_spec == ADA
    WellFormed().check(mail.html)
    assert "{" not in mail.text + mail.subject
    assert "\n\n\n" not in mail.text


@every_mail
def test_every_mail_says_when_from_where_and_what_to_do_if_it_was_not_you(
    said: AnyMail, settings: Settings
) -> None:
    mail = MailRenderer(settings).render(said, row_message())
    for form in (mail.text, mail.html):
        assert "4 March 2026, 10:43 UTC" in form
        assert ("203.0.113.7" in form) == bool(said.network)
        assert re.search("If it wasn['’]t you", form)
    for device in (getattr(said, "device", None),):
        assert device is None or (device in mail.text and device in mail.html)


@every_mail
def test_every_mail_survives_its_way_through_the_row(said: AnyMail) -> None:
    stored = msgspec.json.encode(msgspec.to_builtins(said))
    assert msgspec.convert(msgspec.json.decode(stored), AnyMail) == said


@every_mail
def test_a_mail_never_shows_its_token_in_its_repr(said: AnyMail, settings: Settings) -> None:
    assert TOKEN not in repr(said)
    assert TOKEN not in repr(MailRenderer(settings).render(said, row_message()))


@every_mail
def test_links_are_built_from_the_base_url_and_carry_the_token(
    said: AnyMail, settings: Settings
) -> None:
    mail = MailRenderer(settings).render(said, row_message())
    links = set(re.findall(r"https?://[^\s\"<]+", mail.text + mail.html))
    assert all(link.startswith("https://accounts.example.test") for link in links)
    if isinstance(said, LinkMail):
        assert f"https://accounts.example.test/{said.page}?token={TOKEN}" in links


def test_html_escapes_what_text_leaves_alone(settings: Settings) -> None:
    notice = SecurityNotice(to=ADA, at=NOW, subject="A <b> & c", what="Key <script>1</script>")
    mail = MailRenderer(settings).render(notice, row_message())
    assert "<script>" not in mail.html
    assert "A &lt;b&gt; &amp; c" in mail.html
    assert mail.subject == "A <b> & c"
    assert "Key <script>1</script>" in mail.text


def test_no_mail_loads_anything_from_the_network(settings: Settings) -> None:
    for said in EVERY_MAIL:
        html = MailRenderer(settings).render(said, row_message()).html
        assert not re.search(r"<(img|link|script|iframe|object|video)\b|@import|url\(", html)


def test_advice_replaces_the_usual_one(settings: Settings) -> None:
    notice = SecurityNotice(to=ADA, at=NOW, subject="S", what="W", advice="Call the desk.")
    mail = MailRenderer(settings).render(notice, row_message())
    assert "Call the desk." in mail.text
    assert "forgot-password" not in mail.text + mail.html


def test_the_lifetime_of_a_link_is_told_in_words(settings: Settings) -> None:
    mail = MailRenderer(settings).render(RESET, row_message())
    assert "within 1 hour." in mail.text
    assert mail.message_id == f"<{ROW_ID}@example.test>"


class WellFormed(HTMLParser):
    """Every element that is opened is closed, in order."""

    VOID = frozenset({"meta", "br"})

    def check(self, html: str) -> None:
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []
        assert html.startswith("<!doctype html>")

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
