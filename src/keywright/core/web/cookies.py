"""Cookies and their names: `__Host-` and `__Secure-` over https, bare in development over http."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.responses import Response

if TYPE_CHECKING:
    from keywright.core.settings import Settings

YEAR = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie. `path="/"` without a domain is `__Host-`, all others `__Secure-`."""

    name: str
    secure: bool
    path: str = "/"
    domain: str | None = None

    @property
    def full_name(self) -> str:
        if not self.secure:
            return self.name
        prefix = "__Host-" if self.path == "/" and self.domain is None else "__Secure-"
        return prefix + self.name

    def read(self, request: HTTPConnection) -> str | None:
        return request.cookies.get(self.full_name)

    def write(self, response: Response, value: str, *, max_age: int | None) -> None:
        """`max_age` is in seconds; None ends with the browser."""
        response.set_cookie(
            self.full_name,
            value,
            max_age=max_age,
            path=self.path,
            domain=self.domain,
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def erase(self, response: Response) -> None:
        response.delete_cookie(
            self.full_name,
            path=self.path,
            domain=self.domain,
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )


def page_cookie(settings: Settings) -> Cookie:
    """The signed-in pages' cookie: random, stored hashed, not rotated by use."""
    return Cookie("kw_session", settings.secure_cookies)


def refresh_cookie(settings: Settings) -> Cookie:
    """The API's refresh token, sent to the API's own sign-in routes alone."""
    return Cookie(
        "kw_refresh",
        settings.secure_cookies,
        path=f"{settings.api_path}/auth",
        domain=settings.cookie_domain,
    )


def device_cookie(settings: Settings) -> Cookie:
    """Marks a browser that signed in to an account before (security.md, "Abuse")."""
    return Cookie("kw_device", settings.secure_cookies)


def sign_up_cookie(settings: Settings) -> Cookie:
    """Marks the browser that signed up, so that its link needs no new password."""
    return Cookie("kw_sign_up", settings.secure_cookies)


def form_cookie(settings: Settings) -> Cookie:
    """What the forms of a visitor without a session are bound to."""
    return Cookie("kw_form", settings.secure_cookies)
