"""What every page has: headers, landmarks, labels, sentences at their fields, and no scripts."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from parts.visitor import ADA, Page, Visitor, quick_settings, serving

from keywright.app import standalone
from keywright.core.settings import Settings
from keywright.integration import Keywright
from keywright.pages.page import TEMPLATES

pytestmark = pytest.mark.anyio

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


@pytest.fixture
async def every_page(visitor: Visitor, stranger: Visitor) -> list[Page]:
    """Each page there is, and each with what it says when something is wrong."""
    start, up = await visitor.open("/sign-in"), await visitor.open("/sign-up")
    pages = [start, up, await visitor.submit(start), await visitor.submit(up)]
    pages += [await visitor.sign_in(), await visitor.open("/verify-email"), await visitor.sign_up()]
    link = await visitor.mailed_link("Confirm")
    verify, elsewhere = await visitor.open(link), await stranger.open(link)
    pages += [verify, elsewhere, await stranger.submit(elsewhere), await visitor.submit(verify)]
    pages += [await visitor.submit(verify), await visitor.sign_in()]
    password = await visitor.open("/account/password")
    pages += [password, await visitor.submit(password), await visitor.open("/sign-out")]
    forgot = await stranger.open("/forgot-password")
    pages += [forgot, await stranger.submit(forgot), await stranger.submit(forgot, email=ADA)]
    reset = await stranger.open(await visitor.mailed_link("Reset"))
    pages += [reset, await stranger.submit(reset), await visitor.open("/sign-in?return_to=//x")]
    return pages


async def test_every_page_is_served_under_the_same_strict_headers(every_page: list[Page]) -> None:
    for page in every_page:
        headers = page.response.headers
        assert headers["content-security-policy"] == POLICY, page.heading
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


async def test_every_page_has_one_heading_a_language_and_landmarks(every_page: list[Page]) -> None:
    for page in every_page:
        document = page.document
        assert page.heading
        (html,) = document.all("html")
        assert html.attributes["lang"] == "en"
        assert [len(document.all(tag)) for tag in ("header", "main", "title")] == [1, 1, 1]
        (title,) = document.all("title")
        assert page.heading in title.text
        assert title.text.endswith("· Example")
        (viewport,) = [
            one for one in document.all("meta") if one.attributes.get("name") == "viewport"
        ]
        assert viewport.attributes["content"] == "width=device-width, initial-scale=1"


async def test_every_field_has_a_label_and_says_what_belongs_in_it(every_page: list[Page]) -> None:
    for page in every_page:
        labels = {one.attributes["for"] for one in page.document.all("label")}
        for box in page.document.all("input"):
            if box.attributes["type"] == "hidden":
                continue
            assert box.attributes["id"] in labels, page.heading
            expected = {"email": {"username"}, "password": {"current-password", "new-password"}}
            assert box.attributes["autocomplete"] in expected[box.attributes["type"]]


async def test_what_describes_a_field_is_on_the_page(every_page: list[Page]) -> None:
    for page in every_page:
        identities = [
            one.attributes["id"] for one in page.document.elements if "id" in one.attributes
        ]
        assert len(identities) == len(set(identities)), page.heading
        for element in page.document.elements:
            named = " ".join(
                element.attributes.get(name, "") for name in ("aria-describedby", "aria-labelledby")
            )
            assert set(named.split()) <= set(identities), page.heading


async def test_a_refused_form_puts_the_focus_on_what_is_wrong(every_page: list[Page]) -> None:
    refused = [page for page in every_page if page.status in {401, 403, 409, 422}]
    assert len(refused) > 6
    for page in refused:
        summary = page.document.by_id("problem")
        assert summary is not None, page.heading
        assert summary.attributes["role"] == "alert"
        assert {"autofocus", "tabindex"} <= set(summary.attributes)
        (title,) = page.document.all("title")
        assert title.text.startswith("Error: ")
        for link in page.document.all("a"):
            target = link.attributes["href"]
            if target.startswith("#"):
                box = page.document.by_id(target[1:])
                assert box is not None
                assert box.attributes["aria-invalid"] == "true"


async def test_every_form_is_sent_by_post_and_has_a_button(every_page: list[Page]) -> None:
    for page in every_page:
        for form in page.document.forms:
            assert form.method == "post"
            assert "?" not in form.action
            assert form.fields["form_token"]


async def test_no_template_has_scripts_or_styles_of_its_own() -> None:
    for template in TEMPLATES.glob("*.jinja"):
        text = template.read_text()
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", text), template.name
        assert "|safe" not in text.replace(" ", ""), template.name


async def test_the_stylesheet_is_kept_for_a_year_under_the_hash_of_its_content(
    visitor: Visitor,
) -> None:
    page = await visitor.open("/sign-in")
    (link,) = [one for one in page.document.all("link") if one.attributes["rel"] == "stylesheet"]
    assert link.attributes["referrerpolicy"] == "no-referrer"
    answer = await visitor.client.get(link.attributes["href"])
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    other = await visitor.client.get(link.attributes["href"][:-1] + "_")
    assert other.headers["cache-control"] == "no-store"


async def test_what_a_person_typed_is_shown_as_text(visitor: Visitor) -> None:
    typed = "\"><script>alert('x')</script>@example.test"
    page = await visitor.sign_in(email=typed)
    assert "<script" not in page.html
    assert page.form().fields["email"] == typed


async def test_the_applications_name_is_on_every_page_as_text(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, app_name="Tom & <Jerry>")
    async with serving(settings) as app:
        page = await Visitor(app, settings).open("/sign-in")
    assert "Tom &amp; &lt;Jerry&gt;" in page.html


async def test_an_unexpected_type_or_size_of_body_is_explained_in_html(visitor: Visitor) -> None:
    for content, media_type, status in (
        (b"{}", "application/json", 415),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded", 413),
        (b"email=%00", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=b" for _ in range(2000)), "application/x-www-form-urlencoded", 400),
    ):
        answer = await visitor.client.post(
            "/sign-in", content=content, headers={"Content-Type": media_type}
        )
        assert answer.status_code == status
        page = Page("/sign-in", answer)
        assert page.heading
        assert answer.headers["x-request-id"] in page.text


async def test_an_outage_is_explained_with_the_next_step(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path)
    kw = Keywright(settings)
    app = standalone(kw)
    async with app.router.lifespan_context(app):
        visitor = Visitor(app, settings)
        await visitor.register()
        await visitor.sign_in()
    kw.context.started = True  # the database is closed, but requests still come
    page = await visitor.open("/account")
    assert page.status == 503
    assert [link.text for link in page.document.all("a")] == ["Try again", "Go to your account"]
    assert page.response.headers["retry-after"]
    page = await Visitor(app, settings).sign_in()
    assert (page.status, page.heading) == (503, "Sign in")
    assert "Not available right now" in page.problem


async def test_before_start_up_the_pages_say_so(settings: Settings) -> None:
    page = await Visitor(standalone(Keywright(settings)), settings).open("/sign-in")
    assert page.status == 503
    assert "not running" in page.text


async def test_a_hosts_own_start_page_wins_whenever_it_is_declared(settings: Settings) -> None:
    before, after = FastAPI(), FastAPI()
    before.get("/")(lambda: "mine")
    for app in (before, after):
        Keywright(settings).install(app)
    after.get("/")(lambda: "mine")
    for app in (before, after):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=settings.base_url
        ) as client:
            assert (await client.get("/")).json() == "mine"
