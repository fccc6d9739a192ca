"""What a request body may be: its size, type, depth and characters."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from keywright.core.errors import BadRequest, KeywrightError

MAX_BODY_BYTES = 64 * 1024
MAX_JSON_DEPTH = 20
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

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


class LimitedRequest(Request):
    """A request whose body ends in `BodyTooLarge` instead of filling the memory."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        received = 0
        async for chunk in super().stream():
            received += len(chunk)
            refuse_large_body(received)
            yield chunk


def refuse_large_body(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise BodyTooLarge


async def check_body(request: Request, accepted: tuple[str, ...]) -> None:
    refuse_nul_in_url(request)
    length = request.headers.get("content-length", "")
    refuse_large_body(int(length) if length.isascii() and length.isdigit() else 0)
    body = await request.body()
    if not body:
        return
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    refuse_media_type(media_type, accepted)
    refuse_nul(body, media_type)
    if media_type == JSON:
        refuse_deep_json(body)


def refuse_media_type(media_type: str, accepted: tuple[str, ...]) -> None:
    if media_type not in accepted:
        raise UnsupportedMediaType(
            f"Send the body as {' or '.join(accepted)}; this one came as {media_type or 'nothing'}."
        )


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
