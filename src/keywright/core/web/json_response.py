"""An answer that is JSON already."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

JSON_CONTENT = "application/json"
CONTENT_TYPE = (b"content-type", JSON_CONTENT.encode())


class JsonResponse(Response):
    """Its content is not rendered, and most of its headers are known beforehand."""

    media_type = JSON_CONTENT

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        assert isinstance(self.body, bytes)
        self.raw_headers = [CONTENT_TYPE, (b"content-length", b"%d" % len(self.body))]
        for name, value in (headers or {}).items():
            self.raw_headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
