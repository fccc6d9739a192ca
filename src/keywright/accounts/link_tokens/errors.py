from __future__ import annotations

from keywright.core.errors import BadRequest


class InvalidLink(BadRequest):
    code = "invalid_link"
    title = "This link does not work any more"
    detail = "This link was used already, has expired, or was replaced. Ask for a new one."
