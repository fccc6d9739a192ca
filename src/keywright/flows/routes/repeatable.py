"""The `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header-07 §2)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header
from starlette.requests import Request

from keywright.core.idempotency import Call
from keywright.core.principal import Principal

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Any word of yours, best a UUID: within 24 hours, the same request sent again "
        "with it is done once.",
    ),
]


async def call_of(request: Request, principal: Principal, key: str) -> Call:
    assert principal.user is not None
    return Call(principal.user.id, request.method, request.url.path, key, body=await request.body())
