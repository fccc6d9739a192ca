"""What the route of one's own security log reads and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from keywright.audit.models import Outcome
from keywright.flows.own_events import By, OwnEvent, OwnEvents


class EventsQuery(BaseModel):
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[UUID | None, Field(description="`next_cursor` of the page before.")] = None
    total: bool = False


class EventOut(BaseModel):
    """`by` is `system` for the server and who runs it, `unknown` for who did not sign in."""

    id: UUID
    event: Annotated[str, Field(examples=["session.signed_in"])]
    at: datetime
    outcome: Outcome
    by: By
    ip: str | None
    device: Annotated[str | None, Field(examples=["Firefox on Windows"])]
    session_id: UUID | None
    details: dict[str, Any]

    @classmethod
    def of(cls, event: OwnEvent) -> EventOut:
        return cls(**{name: getattr(event, name) for name in cls.model_fields})


class EventsOut(BaseModel):
    """`total` only where it was asked for."""

    items: list[EventOut]
    next_cursor: str | None
    total: int | None = None

    @classmethod
    def of(cls, page: OwnEvents, **total: int) -> EventsOut:
        return cls(
            items=[EventOut.of(one) for one in page.items],
            next_cursor=str(page.next_before) if page.next_before else None,
            **total,
        )
