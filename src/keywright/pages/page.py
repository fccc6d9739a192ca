"""Writes pages in the name of one Keywright, under one Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from keywright.core.dates import say_day, say_moment
from keywright.core.errors import KeywrightError
from keywright.core.web.caller import request_id_of
from keywright.core.web.device_name import device_name
from keywright.pages import announcements
from keywright.pages.stylesheet import Stylesheet
from keywright.pages.wording import say

if TYPE_CHECKING:
    from jinja2 import Environment

    from keywright.core.context import Context

TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    def __init__(self, kw: Context) -> None:
        self.kw = kw
        self.stylesheet = Stylesheet()
        self._root = urlsplit(kw.settings.base_url).path

    @cached_property
    def _jinja(self) -> Environment:
        jinja, settings = environment(), self.kw.settings
        jinja.globals.update(
            app_name=settings.app_name,
            min_length=settings.password_min_length,
            development=settings.development,
            stylesheet=self.url(self.stylesheet.location),
            url=self.url,
        )
        return jinja

    def url(self, path: str, **query: str) -> str:
        """A page's address, below the base URL's path, on whichever host the visitor is."""
        given = {name: value for name, value in query.items() if value}
        return f"{self._root}{path}" + (f"?{urlencode(given)}" if given else "")

    def go(self, path: str, **query: str) -> Response:
        """On to the next page, which is asked for by GET (RFC 9110 §15.4.4)."""
        return RedirectResponse(self.url(path, **query), 303)

    def show(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        form_targets: Iterable[str] = (),
        **values: Any,
    ) -> Response:
        announced = announcements.read(self.kw, request)
        html = self._jinja.get_template(template).render(
            {"form": None, "visitor": None, "announced": announced, **values}
        )
        response = HTMLResponse(html, status, headers)
        response.headers["Content-Security-Policy"] = policy(form_targets)
        if announced:
            announcements.erase(self.kw, response)
        return response

    def explain(self, request: Request, error: KeywrightError) -> Response:
        """The page of an error that no form can show: what happened, and what to do next."""
        return self.show(
            request,
            "error.jinja",
            status=error.status,
            headers=error.headers,
            error=error,
            request_id=request_id_of(request),
        )


def environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # with the first page

    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters.update(moment=say_moment, day=say_day, device=device_name, say=say)
    return jinja


def policy(form_targets: Iterable[str]) -> str:
    """`form_targets`: browsers hold the redirect that follows a form to `form-action` too."""
    targets = " ".join(("'self'", *form_targets))
    return (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        f"form-action {targets}; frame-ancestors 'none'; base-uri 'none'"
    )
