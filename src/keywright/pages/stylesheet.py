"""The one stylesheet: kept for a year under the hash of its content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.responses import Response

STYLE = Path(__file__).parent / "static" / "style.css"
PATH = "/keywright/style.css"
FOREVER = "public, max-age=31536000, immutable"


class Stylesheet:
    def __init__(self) -> None:
        self._content = STYLE.read_bytes()
        self._version = hashlib.sha256(self._content).hexdigest()[:16]

    @property
    def location(self) -> str:
        return f"{PATH}?v={self._version}"

    def answer(self, version: str) -> Response:
        """Another process's version, during an upgrade, is answered with ours and not kept."""
        kept = FOREVER if version == self._version else "no-store"
        return Response(self._content, media_type="text/css", headers={"Cache-Control": kept})
