"""Cross-site requests: which unsafe requests a browser may send us with, or for, a cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request

from keywright.core.errors import Forbidden
from keywright.core.web.headers import has_header

if TYPE_CHECKING:
    from keywright.core.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class CrossSiteRequest(Forbidden):
    code = "cross_site_request"
    title = "This request came from another site"
    detail = (
        "The browser says that this request came from another site. If that site is yours, add "
        "its origin to KEYWRIGHT_ALLOWED_ORIGINS."
    )


def carries_explicit_credential(request: Request) -> bool:
    """An Authorization or X-API-Key header wins over cookies, which are then ignored."""
    return has_header(request, b"authorization") or has_header(request, b"x-api-key")


def refuse_cross_site(request: Request, settings: Settings) -> None:
    """Raise `CrossSiteRequest` unless Fetch Metadata or Origin show one of our own pages.

    A `Sec-Fetch-Site` of `same-origin` or `none` passes; otherwise `Origin` must be ours or a
    registered one (`null` and a bare `same-site` never are). With neither header no browser
    speaks.
    """
    if request.method not in SAFE_METHODS:
        refuse_other_origins(request, settings)


def refuse_other_origins(request: Request, settings: Settings) -> None:
    """As `refuse_cross_site`, for a GET too, where asking alone already does something."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site in {"same-origin", "none"} or (site is None and origin is None):
        return
    if origin is None or origin not in {settings.origin, *settings.allowed_origins}:
        raise CrossSiteRequest
