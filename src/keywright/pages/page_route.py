"""The route class of the pages: they know one credential, their cookie, and explain in HTML."""

from __future__ import annotations

from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from keywright.core.errors import AccountClosing, KeywrightError, NotAuthenticated
from keywright.core.web.body import LimitedRequest
from keywright.core.web.route import Handler, KeywrightRoute
from keywright.pages.page import Pages

GET = ("GET", "HEAD")
EXPLICIT_CREDENTIALS = frozenset({b"authorization", b"x-api-key"})


class PageRoute(KeywrightRoute):
    pages: ClassVar[Pages]

    async def guard(self, request: Request, handle: Handler) -> Response:
        return await super().guard(ignore_explicit_credentials(request), handle)

    def render(self, error: KeywrightError, request: Request) -> Response:
        if isinstance(error, NotAuthenticated):
            return self.pages.go("/sign-in", return_to=self.pages.url(self.path))
        if isinstance(error, AccountClosing):
            return self.pages.go("/cancel-deletion")
        return self.pages.explain(request, error)


def ignore_explicit_credentials(request: Request) -> Request:
    """An access token opens no page; a password that a browser keeps sending to a proxy in front
    of us (RFC 7617) neither shuts the page cookie out nor lets cross-site requests in.
    """
    headers = [pair for pair in request.headers.raw if pair[0] not in EXPLICIT_CREDENTIALS]
    return LimitedRequest({**request.scope, "headers": headers}, request.receive)


def page_route(pages: Pages) -> type[PageRoute]:
    return type("PageRoute", (PageRoute,), {"pages": pages})
