"""What no route answers, in the standalone application (a host's own 404 stays as it is)."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

from keywright.core.errors import KeywrightError, NotFound


class MethodNotAllowed(KeywrightError):
    """The `Allow` header lists what is (RFC 9110 §15.5.6)."""

    status = 405
    code = "method_not_allowed"
    title = "This address does not take that method"
    detail = "There is something here, but not for this method: see the Allow header."


def unrouted(error: HTTPException) -> KeywrightError | None:
    """Starlette's finding in our words; None for an exception of another kind."""
    if error.status_code == NotFound.status:
        return NotFound("There is nothing at this address.")
    if error.status_code == MethodNotAllowed.status:
        return MethodNotAllowed(headers=error.headers)
    return None


def is_for_people(request: Request, api_prefix: str) -> bool:
    """Whether a person looks at the answer: a browser asks for a page, outside the API."""
    path: str = request.scope["path"]
    within_api = path == api_prefix or path.startswith(f"{api_prefix}/")
    return "text/html" in request.headers.get("accept", "") and not within_api
