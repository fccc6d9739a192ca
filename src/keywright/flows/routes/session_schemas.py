"""What the routes of sessions read and answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from keywright.core.web.device_name import device_name
from keywright.sessions.models import Session, SessionPage, SessionPosition

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR = r"^[0-9]{1,17}\.[0-9a-f]{32}$"  # microseconds since 1970, and an id


class SessionsQuery(BaseModel):
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[
        str | None, Field(pattern=CURSOR, description="`next_cursor` of the page before.")
    ] = None
    total: bool = False

    @property
    def position(self) -> SessionPosition | None:
        if self.cursor is None:
            return None
        moment, _, session_id = self.cursor.partition(".")
        return SessionPosition(EPOCH + timedelta(microseconds=int(moment)), UUID(session_id))


def cursor_of(position: SessionPosition) -> str:
    moment = (position.last_seen_at - EPOCH) // timedelta(microseconds=1)
    return f"{moment}.{position.id.hex}"


class SessionOut(BaseModel):
    id: UUID
    name: str
    ip: str
    created_at: datetime
    last_seen_at: datetime
    current: bool

    @classmethod
    def of(cls, session: Session, current: UUID | None) -> SessionOut:
        return cls(
            id=session.id,
            name=device_name(session.user_agent),
            ip=session.ip,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            current=session.id == current,
        )


class SessionsOut(BaseModel):
    """`total` only where it was asked for."""

    items: list[SessionOut]
    next_cursor: str | None
    total: int | None = None

    @classmethod
    def of(cls, page: SessionPage, current: UUID | None, **total: int) -> SessionsOut:
        return cls(
            items=[SessionOut.of(one, current) for one in page.items],
            next_cursor=cursor_of(page.following) if page.following else None,
            **total,
        )
