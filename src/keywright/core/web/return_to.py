"""Where a browser may be sent after signing in (security.md, "Browser").

Compared as text, never parsed: whatever a URL parser and a browser could disagree about is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keywright.core.errors import BadRequest

if TYPE_CHECKING:
    from keywright.core.settings import Settings

LONGEST = 2000  # characters
PRINTABLE = re.compile(r"[!-~]+")
# Browsers read a backslash as a slash and drop control characters; servers decode the rest.
DISGUISED = re.compile(r"%5c|%2e|%0|%1|%7f|^/+(?:/|%2f)", re.IGNORECASE)
DOT_SEGMENT = re.compile(r"/\.{1,2}(?:/|$)")


class UnregisteredReturn(BadRequest):
    code = "unregistered_return"
    title = "This link leads somewhere that we do not know"
    detail = (
        "The link that brought you here would send you on to an address that is not registered "
        "here, so it was not followed. Nothing has happened to your account."
    )


def is_registered_return(value: str, origins: Iterable[str]) -> bool:
    """Whether `value` is a path here, or any path of an origin that is spelled exactly so."""
    if len(value) > LONGEST or not PRINTABLE.fullmatch(value):
        return False
    if value.startswith("/"):
        return is_plain_path(value)
    return any(is_within_origin(value, origin) for origin in origins)


def is_within_origin(value: str, origin: str) -> bool:
    rest = value.removeprefix(origin)
    if not value.startswith(origin) or (rest and rest[0] not in "/?#"):
        return False
    return is_plain_path(rest)


def is_plain_path(rest: str) -> bool:
    path = re.split(r"[?#]", rest, maxsplit=1)[0]
    return not ("\\" in rest or DISGUISED.search(path) or DOT_SEGMENT.search(path))


def require_registered_return(value: str, settings: Settings) -> None:
    """Empty is nowhere in particular. Raises `UnregisteredReturn`."""
    if value and not is_registered_return(value, (settings.origin, *settings.allowed_origins)):
        raise UnregisteredReturn


def origin_of(value: str) -> tuple[str, ...]:
    """The origin of a registered `value`, where it is not just a path here."""
    parts = urlsplit(value)
    return (f"{parts.scheme}://{parts.netloc}",) if parts.scheme else ()
