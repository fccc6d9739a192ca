"""One base for every error that a caller may see; rendered once, in `core.web.problem`.

A subclass fixes `status` (HTTP), `code` (the stable word that clients switch on, listed in
`contract/error_codes.json`) and a `detail` that tells a person what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of the request that was refused: `field` is its dotted path."""

    field: str
    code: str
    detail: str


class KeywrightError(Exception):
    """Base of every error that Keywright raises on purpose."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong"
    detail: str = "Something went wrong on our side. Please try again in a moment."

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if detail is not None:
            self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        super().__init__(self.detail)


class ConfigurationError(KeywrightError):
    """A setting that Keywright refuses to start with; the sentence says what to set."""

    code = "configuration"
    title = "Keywright cannot start with these settings"


class BadRequest(KeywrightError):
    status = 400
    code = "bad_request"
    title = "The request cannot be read"
    detail = "The request cannot be read. Check its format against the API reference."


class NotAuthenticated(KeywrightError):
    status = 401
    code = "not_authenticated"
    title = "Sign in first"
    detail = "Sign in, then send the access token as `Authorization: Bearer …`."


class SessionEnded(NotAuthenticated):
    """The one 401 on which a client signs the person out (security.md, "Tokens")."""

    code = "session_ended"
    title = "This session has ended"
    detail = "This session has ended. Please sign in again."


class ReauthenticationRequired(NotAuthenticated):
    code = "reauthentication_required"
    title = "Confirm that it is you"
    detail = "This needs a recent sign-in: confirm your password at /auth/reauthenticate first."


class Forbidden(KeywrightError):
    status = 403
    code = "forbidden"
    title = "Not allowed"
    detail = "Your account is not allowed to do this."


class AccountClosing(Forbidden):
    """The account waits to be purged; until then its owner may take that back, and little more."""

    code = "account_closing"
    title = "This account is about to be deleted"
    detail = (
        "This account is about to be deleted. To keep it, cancel that at /auth/cancel-deletion, or "
        "by the link that was mailed."
    )


class NotFound(KeywrightError):
    status = 404
    code = "not_found"
    title = "Not found"
    detail = "There is nothing here under that name."


class Conflict(KeywrightError):
    status = 409
    code = "conflict"
    title = "That clashes with something that exists"
    detail = "That clashes with something that already exists."


class InvalidInput(KeywrightError):
    """A well-formed request with a value that is refused; `errors` names the fields."""

    status = 422
    code = "invalid_input"
    title = "Some values are not accepted"
    detail = "Some values are not accepted; `errors` says which and why."


class TooManyRequests(KeywrightError):
    """A limit was reached. `retry_after` is in seconds."""

    status = 429
    code = "too_many_requests"
    title = "Too many attempts"

    def __init__(self, retry_after: int, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(
            f"Too many attempts. Please wait {retry_after} seconds and try again.",
            headers={"Retry-After": str(retry_after), **(headers or {})},
        )
        self.retry_after = retry_after


class Unavailable(KeywrightError):
    """Something Keywright needs is gone or overloaded; trying again is right (`Retry-After`)."""

    status = 503
    code = "unavailable"
    title = "Not available right now"
    detail = "This is not available right now. Please try again in a moment."

    def __init__(self, detail: str | None = None, *, retry_after: int = 2) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class DatabaseUnavailable(Unavailable):
    code = "database_unavailable"
    detail = "The database cannot be reached right now. Nothing was changed; please try again."
