"""What a request body may be: its size, type, depth and characters."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect, Request

from keywright.core.errors import BadRequest, KeywrightError
from keywright.core.web.headers import has_header, header

MAX_BODY_BYTES = 64 * 1024
MAX_JSON_DEPTH = 20
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
BODILESS = frozenset({"GET", "HEAD"})
UTF_8 = frozenset({"utf-8", "utf8"})

CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s;"]*)', re.IGNORECASE)
ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class BodyTooLarge(KeywrightError):
    status = 413
    code = "body_too_large"
    title = "The request is too large"
    detail = f"The request body is larger than {MAX_BODY_BYTES // 1024} KiB."


class UnsupportedMediaType(KeywrightError):
    status = 415
    code = "unsupported_media_type"
    title = "This content type is not accepted here"


class NulByte(BadRequest):
    code = "nul_byte"
    detail = "The request contains a NUL character, which no field accepts. Remove it."


class JsonTooDeep(BadRequest):
    code = "json_too_deep"
    detail = f"The JSON is nested deeper than {MAX_JSON_DEPTH} levels."


class InvalidJson(BadRequest):
    code = "invalid_json"
    detail = "The body is not valid JSON."


class InvalidForm(BadRequest):
    code = "invalid_form"
    detail = "The body is not a valid form: it is cut short, or has too many fields."


class IncompleteBody(BadRequest):
    code = "incomplete_body"
    detail = "The connection was closed before the whole body had arrived."


class LimitedRequest(Request):
    """A request whose body ends in `BodyTooLarge` instead of filling the memory."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        received = 0
        try:
            async for chunk in super().stream():
                received += len(chunk)
                refuse_large_body(received)
                yield chunk
        except ClientDisconnect:
            raise IncompleteBody from None

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = read_json(await self.body())
        return self._json


def read_json(body: bytes) -> Any:
    """Raises `InvalidJson`: also for bytes that are no text, for NaN, for numbers of 5,000 digits,
    and for a name that stands twice in one object, of which others may read the other one.
    """
    try:
        return DECODER.decode(body.decode())
    except ValueError:
        raise InvalidJson from None


def to_object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        raise InvalidJson("The body is not valid JSON: a name stands twice in one object.")
    return found


def refuse_constant(_name: str) -> None:
    raise InvalidJson("The body is not valid JSON, which has no NaN and no Infinity.")


DECODER = json.JSONDecoder(object_pairs_hook=to_object, parse_constant=refuse_constant)


def refuse_large_body(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise BodyTooLarge


async def check_body(request: Request, accepted: tuple[str, ...]) -> None:
    refuse_nul_in_url(request)
    if not announces_body(request):
        return
    refuse_large_body(declared_length(request))
    body = await request.body()
    if not body:
        return
    media_type = media_type_of(request)
    refuse_media_type(media_type, accepted)
    refuse_other_charset(header(request, b"content-type") or "")
    refuse_nul(body, media_type)
    if media_type == JSON:
        refuse_deep_json(body)


def announces_body(request: Request) -> bool:
    """HTTP/1.1 has no body without one of these (RFC 9112 §6.3); HTTP/2 needs neither."""
    return (
        request.method not in BODILESS
        or has_header(request, b"content-length")
        or has_header(request, b"transfer-encoding")
        or request.scope["http_version"] != "1.1"
    )


def media_type_of(request: Request) -> str:
    return (header(request, b"content-type") or "").partition(";")[0].strip().lower()


def declared_length(request: Request) -> int:
    """What Content-Length says; its first digits say enough, and `int` takes no more than 4,300."""
    digits = (header(request, b"content-length") or "")[:18]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def refuse_media_type(media_type: str, accepted: tuple[str, ...]) -> None:
    if media_type not in accepted:
        raise UnsupportedMediaType(
            f"Send the body as {' or '.join(accepted)}, and say so in the Content-Type header."
        )


def refuse_other_charset(content_type: str) -> None:
    """JSON has one encoding (RFC 8259 §8.1), and forms are read in it too."""
    if any(name.lower() not in UTF_8 for name in CHARSET.findall(content_type)):
        raise UnsupportedMediaType("Send the body in UTF-8: the Content-Type names another one.")


def refuse_nul(body: bytes, media_type: str) -> None:
    if b"\x00" in body or (media_type == JSON and ESCAPED_NUL.search(body)):
        raise NulByte
    if media_type == FORM and b"%00" in body:
        raise NulByte


def refuse_nul_in_url(request: Request) -> None:
    query: bytes = request.scope["query_string"]
    if "\x00" in request.scope["path"] or b"\x00" in unquote_to_bytes(query):
        raise NulByte


def refuse_deep_json(body: bytes) -> None:
    """Count brackets outside strings, so that the parser never recurses into hostile input."""
    if body.count(b"[") + body.count(b"{") <= MAX_JSON_DEPTH:
        return
    depth = 0
    for match in STRING_OR_BRACKET.finditer(body):
        token = match.group()
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
        if depth > MAX_JSON_DEPTH:
            raise JsonTooDeep
