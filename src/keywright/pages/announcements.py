"""One sentence for the next page, across a redirect: a cookie that the next page erases.

The cookie only names a sentence of ours; nobody else's words are ever shown.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from keywright.core.web.cookies import Cookie

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.core.settings import Settings

SECONDS = 60


class Announcement(StrEnum):
    EMAIL_VERIFIED = "Your e-mail address is confirmed."
    EMAIL_CHANGED = "Your account has its new e-mail address."
    EMAIL_RESTORED = "Your address is back, and every device is signed out."
    PASSWORD_CHANGED = "Your password is changed, and every other device is signed out."  # noqa: S105 - a sentence
    PASSWORD_RESET = "Your new password is set. Sign in with it."  # noqa: S105 - a sentence
    SESSION_ENDED = "That device is signed out."
    OTHERS_ENDED = "Every other device is signed out."
    ACCOUNT_CLOSING = "Your account will be deleted. You got a mail that says when."
    ACCOUNT_KEPT = "Your account stays. Nothing of it is lost."
    SIGNED_OUT = "You are signed out."


def announcement_cookie(settings: Settings) -> Cookie:
    return Cookie("kw_announcement", settings.secure_cookies)


def announce(kw: Context, response: Response, announcement: Announcement) -> None:
    name = announcement.name.lower()
    announcement_cookie(kw.settings).write(response, name, max_age=SECONDS)


def read(kw: Context, request: Request) -> str | None:
    name = announcement_cookie(kw.settings).read(request)
    return next((one.value for one in Announcement if one.name.lower() == name), None)


def erase(kw: Context, response: Response) -> None:
    announcement_cookie(kw.settings).erase(response)
