"""Single request headers, where a mapping of all of them would cost more than the rest."""

from __future__ import annotations

from starlette.requests import HTTPConnection


def header(connection: HTTPConnection, name: bytes) -> str | None:
    """The first header of this (lowercase) name, as `connection.headers.get` finds it."""
    for found, value in connection.scope["headers"]:
        if found == name:
            text: str = value.decode("latin-1")
            return text
    return None


def has_header(connection: HTTPConnection, name: bytes) -> bool:
    return header(connection, name) is not None
