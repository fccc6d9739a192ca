from __future__ import annotations

from keywright.core.errors import Conflict


class NotClosing(Conflict):
    code = "not_closing"
    title = "There is no deletion to cancel"
    detail = "This account is not about to be deleted, so there is nothing to cancel."
