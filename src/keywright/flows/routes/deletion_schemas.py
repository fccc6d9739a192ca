"""What the routes of closing an account read and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel

from keywright.accounts.closings.models import Closing
from keywright.flows.close_account import DeletionState, DeletionStatus
from keywright.flows.routes.schemas import Body, Token


class ConfirmDeletionBody(Body):
    token: Token


class CancelDeletionBody(Body):
    """Without a token the session says whose account it is."""

    token: Token | None = None


class ConfirmationSent(BaseModel):
    status: Literal["confirmation_sent"] = "confirmation_sent"
    confirm_before: datetime


class ClosingOut(BaseModel):
    status: Literal["closing"] = "closing"
    deletes_at: datetime


class DeletionCancelledOut(BaseModel):
    status: Literal["cancelled"] = "cancelled"


class DeletionStatusOut(BaseModel):
    """`confirm_before` while it was only asked for; the other two once it is confirmed."""

    status: DeletionState
    confirm_before: datetime | None
    confirmed_at: datetime | None
    deletes_at: datetime | None

    @classmethod
    def of(cls, found: DeletionStatus) -> Self:
        return cls(
            status=found.state,
            confirm_before=found.confirm_before,
            confirmed_at=found.confirmed_at,
            deletes_at=found.deletes_at,
        )


class ManagedClosingOut(BaseModel):
    """What administrators see of a closing account. `attempts` counts the tries to purge it,
    `last_error` says why the last one failed, and `next_try_at` when the next one is.
    """

    confirmed_at: datetime
    deletes_at: datetime
    attempts: int
    last_error: str | None
    next_try_at: datetime

    @classmethod
    def of(cls, closing: Closing) -> Self:
        return cls(**{name: getattr(closing, name) for name in cls.model_fields})
