"""The cookies that the API's sign-in routes set and erase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from keywright.core.web.cookies import YEAR, device_cookie, page_cookie, refresh_cookie

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.flows.results import Tokens


def set_refresh_cookie(kw: Context, response: Response, tokens: Tokens) -> None:
    assert tokens.refresh_token is not None
    max_age = min(kw.settings.refresh_token_ttl, kw.settings.session_max_age)
    refresh_cookie(kw.settings).write(response, tokens.refresh_token, max_age=max_age)


def set_page_cookie(kw: Context, response: Response, secret: str) -> None:
    page_cookie(kw.settings).write(response, secret, max_age=kw.settings.session_max_age)


def set_device_cookie(kw: Context, response: Response, device: str) -> None:
    device_cookie(kw.settings).write(response, device, max_age=YEAR)
