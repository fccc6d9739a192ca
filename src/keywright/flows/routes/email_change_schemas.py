"""What the routes of a change of address read and answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from keywright.flows.routes.schemas import Body, Email, Password, Token


class ChangeEmailBody(Body):
    new_email: Email


class ConfirmEmailChangeBody(Body):
    token: Token
    new_password: Annotated[
        Password | None,
        Field(description="Only where 409 `new_password_required` asks for it; else not used."),
    ] = None


class UndoEmailChangeBody(Body):
    token: Token


class ConfirmationSent(BaseModel):
    status: Literal["confirmation_sent"] = "confirmation_sent"


class EmailChangedOut(BaseModel):
    """Not whose account it is: the link may have gone to a mistyped address."""

    status: Literal["email_changed"] = "email_changed"
    email: str


class EmailRestoredOut(BaseModel):
    """`reset_token` is for `/auth/reset-password`, within `expires_in` seconds."""

    status: Literal["email_restored"] = "email_restored"
    email: str
    reset_token: str
    expires_in: int
