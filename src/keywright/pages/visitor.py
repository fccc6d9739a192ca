"""Who looks at a page: the person of the page cookie, or nobody yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request

from keywright.core.errors import NotAuthenticated, SessionEnded
from keywright.core.principal import Principal

if TYPE_CHECKING:
    from keywright.core.context import Context


async def find_visitor(kw: Context, request: Request) -> Principal | None:
    """A session that ended and an account that was disabled are nobody. Also somebody whose account
    waits to be purged; what acts for the account asks `require_visitor`.
    """
    try:
        return await kw.authenticator.identify(request)
    except NotAuthenticated:
        return None


async def require_visitor(kw: Context, request: Request) -> Principal:
    """Raises `NotAuthenticated`, which the page route answers with the way to `/sign-in`, and
    `AccountClosing`, with that to `/cancel-deletion`.
    """
    visitor = await kw.authenticator.authenticate(request)
    if visitor is None:
        raise SessionEnded
    return visitor
