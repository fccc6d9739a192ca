"""Errors as RFC 9457 `application/problem+json`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse

from keywright.core.errors import FieldError, InvalidInput, KeywrightError

PROBLEM_JSON = "application/problem+json"
PLAIN_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


class FieldProblem(BaseModel):
    field: str
    code: str
    detail: str


class Problem(BaseModel):
    """What every error under the API prefix looks like (RFC 9457).

    Clients switch on `code`; `detail` is a sentence for people; `errors` names fields.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldProblem] | None = None


def problem_body(error: KeywrightError, request_id: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
    }
    if error.errors:
        body["errors"] = [
            {"field": one.field, "code": one.code, "detail": one.detail} for one in error.errors
        ]
    return body


def problem_response(error: KeywrightError, request_id: str) -> JSONResponse:
    headers = {"Cache-Control": "no-store", "X-Request-ID": request_id, **error.headers}
    return JSONResponse(
        problem_body(error, request_id),
        status_code=error.status,
        media_type=PROBLEM_JSON,
        headers=headers,
    )


def validation_error(errors: Sequence[Mapping[str, Any]]) -> KeywrightError:
    """Pydantic's findings in our words; what was typed is never repeated."""
    fields = [
        FieldError(
            field=name_field(error["loc"][1:] or error["loc"]),
            code=str(error["type"]),
            detail=str(error["msg"]).removeprefix("Value error, "),
        )
        for error in errors
    ]
    return InvalidInput(errors=fields)


def name_field(path: Iterable[str | int]) -> str:
    """The dotted path. A name that the client made up is repeated only where it is a plain word."""
    return ".".join(part if PLAIN_NAME.fullmatch(part) else "?" for part in map(str, path))
