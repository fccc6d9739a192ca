"""What no route answers, in the standalone application (a host's own 404 stays as it is)."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Match

from keywright.core.errors import KeywrightError, NotFound

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class MethodNotAllowed(KeywrightError):
    """The `Allow` header lists what is (RFC 9110 §15.5.6)."""

    status = 405
    code = "method_not_allowed"
    title = "This address does not take that method"
    detail = "There is something here, but not for this method: see the Allow header."


def unrouted(request: Request, error: HTTPException) -> KeywrightError | None:
    """Starlette's finding in our words; None for an exception of another kind."""
    if error.status_code == NotFound.status:
        return NotFound("There is nothing at this address.")
    if error.status_code == MethodNotAllowed.status:
        return MethodNotAllowed(headers={"Allow": ", ".join(methods_at(request))})
    return None


def methods_at(request: Request) -> list[str]:
    """All that this address takes; Starlette names those of the first route alone."""
    routes: list[BaseRoute] = request.scope["app"].routes
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    ]


def is_for_people(request: Request, api_prefix: str) -> bool:
    """Whether a person looks at the answer: a browser asks for a page, outside the API."""
    return "text/html" in request.headers.get("accept", "") and not is_within(
        request.scope["path"], api_prefix
    )


def is_within(path: str, api_prefix: str) -> bool:
    """With the API at the root, no address says that it is one of the API's."""
    return bool(api_prefix) and (path == api_prefix or path.startswith(f"{api_prefix}/"))
