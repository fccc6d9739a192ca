"""A visitor of the hosted pages: a browser without JavaScript, over ASGI, with a cookie jar."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI

from keywright.app import standalone
from keywright.core.settings import Settings
from keywright.integration import Keywright
from keywright.outbox.channels.mail.mailbox import DevelopmentMailbox, StoredMail
from parts.outbox import until

BASE_URL = "http://127.0.0.1:8000"
ADA = "ada@example.test"
PASSWORD = "correct battery staple 8"
ANOTHER_PASSWORD = "quiet harbour lantern 42"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
VOID = frozenset({"input", "meta", "link", "br"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class PageForm:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Document(HTMLParser):
    """The elements of a page with their text, and its forms with what they would send."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.forms: list[PageForm] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)
        if tag == "form":
            self.forms.append(PageForm(element.attributes["action"], element.attributes["method"]))
        if tag == "input" and self.forms and "name" in element.attributes:
            name = element.attributes["name"]
            self.forms[-1].fields[name] = element.attributes.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def by_id(self, identity: str) -> Element | None:
        found = (one for one in self.elements if one.attributes.get("id") == identity)
        return next(found, None)


@dataclass
class Page:
    """What the browser shows. `elsewhere` is where it was sent, if that is not this server."""

    path: str
    response: httpx.Response
    elsewhere: str | None = None

    def __post_init__(self) -> None:
        self.status = self.response.status_code
        self.html = self.response.text
        self.document = Document(self.html)

    @property
    def heading(self) -> str:
        (heading,) = self.document.all("h1")
        return heading.text.strip()

    @property
    def text(self) -> str:
        return " ".join(" ".join(one.text for one in self.document.all("main")).split())

    @property
    def announcement(self) -> str:
        found = [one for one in self.document.elements if one.attributes.get("role") == "status"]
        return " ".join(one.text.strip() for one in found)

    @property
    def problem(self) -> str:
        found = self.document.by_id("problem")
        return " ".join(found.text.split()) if found else ""

    def complaint(self, name: str) -> str:
        """The sentence at a field, found the way that a screen reader finds it."""
        box = self.document.by_id(name)
        assert box is not None, name
        described = [self.document.by_id(one) for one in box.attributes["aria-describedby"].split()]
        return " ".join(" ".join(one.text.split()) for one in described if one is not None)

    def form(self, action: str | None = None) -> PageForm:
        (found,) = [one for one in self.document.forms if action in {None, one.action}]
        return found


class Visitor:
    def __init__(self, app: FastAPI, settings: Settings, **headers: str) -> None:
        self.settings = settings
        self.base_url = settings.base_url
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url=self.base_url,
            headers={"User-Agent": FIREFOX, **headers},
        )

    async def open(self, path: str, method: str = "GET", **headers: str) -> Page:
        headers = {"Sec-Fetch-Site": "none", **headers}
        return await self.follow(await self.client.request(method, path, headers=headers))

    async def send(
        self, action: str, fields: dict[str, str], headers: dict[str, str] | None = None
    ) -> Page:
        origin = {"Sec-Fetch-Site": "same-origin", "Origin": self.settings.origin}
        given = origin if headers is None else headers
        return await self.follow(await self.client.post(action, data=fields, headers=given))

    async def submit(self, page: Page, *, at: str | None = None, **fields: str) -> Page:
        """Fill in the page's form (the one that goes to `at`) and press its button."""
        form = page.form(at)
        assert form.method == "post"
        return await self.send(form.action, form.fields | fields)

    async def follow(self, response: httpx.Response) -> Page:
        while response.is_redirect:
            location = response.headers["location"]
            if not location.startswith("/") or location.startswith("//"):
                return Page(response.request.url.path, response, elsewhere=location)
            response = await self.client.get(location, headers={"Sec-Fetch-Site": "same-origin"})
        return Page(response.request.url.path, response)

    @property
    def cookies(self) -> dict[str, str]:
        return {one.name: one.value or "" for one in self.client.cookies.jar}

    async def mail(self, subject: str, *, count: int = 1, to: str = ADA) -> StoredMail:
        """The newest mail whose subject contains these words, once there are `count` of them."""
        mailbox = DevelopmentMailbox(self.settings.data_dir / "mail")

        def found() -> list[StoredMail]:
            return [
                one for one in mailbox.newest_first() if subject in one.subject and to in one.to
            ]

        await until(lambda: len(found()) >= count)
        return found()[0]

    async def mailed_link(self, subject: str, *, count: int = 1, to: str = ADA) -> str:
        """The path and query of the link in that mail."""
        link = (await self.mail(subject, count=count, to=to)).link
        assert link is not None
        parts = urlsplit(link)
        return f"{parts.path}?{parts.query}"

    async def sign_up(self, email: str = ADA, password: str = PASSWORD) -> Page:
        page = await self.open("/sign-up")
        return await self.submit(page, email=email, password=password)

    async def register(self, email: str = ADA, password: str = PASSWORD) -> Page:
        """Sign up and confirm the address."""
        await self.sign_up(email, password)
        link = await self.mailed_link("Confirm", to=email)
        return await self.submit(await self.open(link))

    async def sign_in(self, email: str = ADA, password: str = PASSWORD, query: str = "") -> Page:
        page = await self.open(f"/sign-in{query}")
        return await self.submit(page, email=email, password=password)

    async def guess_until_paused(self, email: str = ADA) -> None:
        """Until every browser that the account does not know has to wait."""
        for _ in range(10):
            assert (await self.sign_in(email, "a guess at the password")).status == 401
        assert (await self.sign_in(email, "a guess at the password")).status == 429


def quick_settings(data_dir: Path, **changes: Any) -> Settings:
    given = {
        "base_url": BASE_URL,
        "data_dir": data_dir,
        "env": "development",
        "rate_limits": "off",
        "argon2_memory_kib": 8,
        "argon2_time_cost": 1,
        **changes,
    }
    return Settings(_env_file=None, **given)


@asynccontextmanager
async def serving(settings: Settings, **parts: Any) -> AsyncIterator[FastAPI]:
    app = standalone(Keywright(settings, **parts))
    async with app.router.lifespan_context(app):
        yield app
