"""The cookies that the API's sign-in routes set and erase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from keywright.accounts.users import service as users
from keywright.core.web.cookies import YEAR, device_cookie, page_cookie, refresh_cookie
from keywright.flows.known_devices import remember_device

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.flows.results import Tokens


def set_refresh_cookie(kw: Context, response: Response, tokens: Tokens) -> None:
    assert tokens.refresh_token is not None
    max_age = min(kw.settings.refresh_token_ttl, kw.settings.session_max_age)
    refresh_cookie(kw.settings).write(response, tokens.refresh_token, max_age=max_age)


def set_page_cookie(kw: Context, response: Response, secret: str) -> None:
    page_cookie(kw.settings).write(response, secret, max_age=kw.settings.session_max_age)


async def remember_browser(kw: Context, request: Request, response: Response, email: str) -> None:
    """It signed in to the account of that address: next time it is a known device."""
    user = await users.find_by_email(kw.db, email)
    if user is None:  # deleted in this very moment
        return
    cookie = device_cookie(kw.settings)
    value = remember_device(kw.secrets, user, cookie.read(request))
    cookie.write(response, value, max_age=YEAR)
