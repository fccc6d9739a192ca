"""The cookies that the API's sign-in routes set and erase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from keywright.accounts.users.addresses import fold_email
from keywright.core.web.cookies import YEAR, device_cookie, refresh_cookie
from keywright.flows.known_devices import remember_device

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.flows.results import Tokens


def set_refresh_cookie(kw: Context, response: Response, tokens: Tokens) -> None:
    assert tokens.refresh_token is not None
    max_age = min(kw.settings.refresh_token_ttl, kw.settings.session_max_age)
    refresh_cookie(kw.settings).write(response, tokens.refresh_token, max_age=max_age)


def remember_browser(kw: Context, request: Request, response: Response, email: str) -> None:
    cookie = device_cookie(kw.settings)
    value = remember_device(kw.secrets, fold_email(email), cookie.read(request))
    cookie.write(response, value, max_age=YEAR)
