from __future__ import annotations

from keywright.core.errors import Conflict, InvalidInput


class IdempotencyKeyReused(InvalidInput):
    code = "idempotency_key_reused"
    title = "This key belongs to another request"
    detail = (
        "This Idempotency-Key was sent with another body before. Send a new key with a new request."
    )


class StillRunning(Conflict):
    code = "idempotency_key_in_use"
    title = "The first request is still at work"
    detail = (
        "A request with this Idempotency-Key is still at work. Send it again in a moment, with the "
        "same key."
    )

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})
