from __future__ import annotations

from keywright.core.errors import NotFound


class SessionNotFound(NotFound):
    code = "session_not_found"
    detail = "There is no such session; it may have ended already."
