"""An answer that is JSON already."""

from __future__ import annotations

from starlette.responses import Response

JSON_CONTENT = "application/json"


def json_response(text: str | bytes) -> Response:
    return Response(text, media_type=JSON_CONTENT)
