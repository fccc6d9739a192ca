"""Errors as RFC 9457 `application/problem+json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse

from keywright.core.errors import BadRequest, FieldError, InvalidInput, KeywrightError

PROBLEM_JSON = "application/problem+json"


class InvalidJson(BadRequest):
    code = "invalid_json"
    detail = "The body is not valid JSON."


class FieldProblem(BaseModel):
    field: str
    code: str
    detail: str


class Problem(BaseModel):
    """What every error under the API prefix looks like (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldProblem] | None = None


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "What is wrong and what to do (RFC 9457).",
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
    "503": {
        "description": "Not available right now; try again after `Retry-After` seconds.",
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
}


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
    if any(error["type"] == "json_invalid" for error in errors):
        return InvalidJson()
    fields = [
        FieldError(
            field=".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0]),
            code=str(error["type"]),
            detail=str(error["msg"]).removeprefix("Value error, "),
        )
        for error in errors
    ]
    return InvalidInput(errors=fields)
