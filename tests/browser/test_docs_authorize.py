"""`/docs` as FastAPI serves it: Authorize takes an e-mail address and a password, and what asks for
a user answers.

Swagger UI comes from a package instead of its CDN; nothing else about the page is changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI
from parts.image_api import clone
from parts.person import PASSWORD, Person
from parts.processes import free_port
from parts.served import served
from parts.visitor import quick_settings
from playwright.sync_api import Locator, Route, expect

from keywright import Keywright, User

SWAGGER_UI = files("fastapi_offline") / "static"
CDN = ("cdn.jsdelivr.net", "fastapi.tiangolo.com")


@dataclass(frozen=True)
class Documented:
    """An application, its `/docs`, and one operation there that answers who asks."""

    site: str
    operation: str
    docs: str = "/docs"
    scope: str | None = None


def make_notes(folder: Path, base_url: str) -> tuple[FastAPI, Keywright]:
    """Somebody's application; its routes are declared before and after `install`."""
    app = FastAPI(title="Notes")
    settings = quick_settings(folder, base_url=base_url)
    kw = Keywright(settings, permissions={"user": ["notes:read"]})

    @app.get("/notes")
    async def notes(user: User = Depends(kw.user(scopes=["notes:read"]))) -> str:
        return f"Notes of {user.email}"

    return app, kw


@contextmanager
def host(folder: Path) -> Iterator[Documented]:
    """The API under a prefix of the host's choice."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    app, kw = make_notes(folder, base_url)
    kw.install(app, prefix="/accounts/api")
    with served(app, port):
        yield Documented(base_url, "/notes", scope="notes:read")


@contextmanager
def mounted(folder: Path) -> Iterator[Documented]:
    """The application is a part of another one, which runs Keywright's lifespan."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}/desk"
    app, kw = make_notes(folder, base_url)
    kw.install(app)

    @asynccontextmanager
    async def lifespan(_outer: FastAPI) -> AsyncIterator[None]:
        async with kw.lifespan():
            yield

    outer = FastAPI(lifespan=lifespan)
    outer.mount("/desk", app)
    with served(outer, port):
        yield Documented(base_url, "/notes", scope="notes:read")


@contextmanager
def image_api(folder: Path) -> Iterator[Documented]:
    example = clone(folder)
    with example.serve() as server:
        yield Documented(server.base_url, "/api/v1/login/test-token", scope="images")


@pytest.fixture(params=["standalone", host, mounted, image_api])
def documented(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Documented]:
    if request.param == "standalone":
        yield Documented(request.getfixturevalue("program"), "/api/v1/auth/me")
    else:
        with request.param(tmp_path) as application:
            yield application


@pytest.fixture
def site(documented: Documented) -> str:
    return documented.site


def test_authorize_in_docs_opens_what_asks_for_a_user(
    somebody: Callable[..., Person], address: str, documented: Documented
) -> None:
    somebody().join(address)
    ada = somebody()  # without a cookie of the pages: the token alone counts
    operation = open_docs(ada, documented)
    expect_answer(operation, 401, "not_authenticated")
    ada.watch.forgive("status of 401")
    authorize(ada, address, PASSWORD, scope=documented.scope)
    expect_answer(operation, 200, address)


def open_docs(person: Person, documented: Documented) -> Locator:
    """The operation, opened so that one may try it."""
    for host_name in CDN:
        person.page.route(f"https://{host_name}/**", from_package)
        person.watch.expect_requests_to(host_name)
    person.open("/docs")
    path = person.page.locator(f"[data-path='{documented.operation}']")
    path.click()
    operation = person.page.locator(".opblock", has=path)
    operation.get_by_role("button", name="Try it out").click()
    return operation


def from_package(route: Route) -> None:
    file = SWAGGER_UI / route.request.url.rpartition("/")[2]
    route.fulfill(body=file.read_bytes())


def expect_answer(operation: Locator, status: int, words: str) -> None:
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table tbody")
    expect(answer.locator(".response-col_status")).to_contain_text(str(status))
    expect(answer).to_contain_text(words)


def authorize(person: Person, address: str, password: str, *, scope: str | None) -> None:
    dialog = open_authorize(person)
    fill_in(dialog, address, password, scope)
    expect(dialog.get_by_role("button", name="Remove authorization")).to_be_visible()
    dialog.get_by_role("button", name="Close").first.click()


def open_authorize(person: Person) -> Locator:
    person.page.locator(".auth-wrapper").get_by_role("button", name="Authorize").click()
    return person.page.locator(".dialog-ux")


def fill_in(dialog: Locator, address: str, password: str, scope: str | None = None) -> None:
    dialog.get_by_label("username:").fill(address)
    dialog.get_by_label("password:").fill(password)
    if scope is not None:
        dialog.locator("label", has_text=scope).click()
    dialog.get_by_role("button", name="Apply given OAuth2 credentials").click()


def test_authorize_in_docs_says_when_the_password_is_wrong(
    somebody: Callable[..., Person], address: str, documented: Documented
) -> None:
    ada = somebody()
    open_docs(ada, documented)
    dialog = open_authorize(ada)
    fill_in(dialog, address, "not the password")
    expect(dialog.locator(".errors").first).to_contain_text("Unauthorized")
    ada.watch.forgive("401")
