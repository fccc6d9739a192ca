"""What the account's routes read and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StrictBool, TypeAdapter

from keywright.core.principal import User
from keywright.flows.results import Tokens

USER = TypeAdapter(User[Any]).serializer
Email = Annotated[str, Field(min_length=3, max_length=320, examples=["ada@example.com"])]
Password = Annotated[
    str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})
]
Token = Annotated[str, Field(min_length=1, max_length=512)]
NotificationName = Annotated[str, Field(max_length=64)]
Transport = Annotated[
    Literal["cookie", "body"],
    Field(description="`body` answers secrets in the body instead of a cookie (native clients)."),
]


class Body(BaseModel):
    """Base of request bodies: what was typed is never repeated in an error."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class RegisterBody(Body):
    email: Email
    password: Password
    username: Annotated[str | None, Field(max_length=64)] = None
    name: Annotated[str | None, Field(max_length=200)] = None
    locale: Annotated[str | None, Field(max_length=35, pattern=r"^[A-Za-z0-9-]+$")] = None
    profile: dict[str, Any] | None = None
    token_transport: Transport = "cookie"


class LoginBody(Body):
    email: Annotated[str, Field(max_length=320)]
    password: Password
    scope: Annotated[str | None, Field(max_length=1000)] = None
    token_transport: Transport = "cookie"


class LoginForm(BaseModel):
    """OAuth2 password form (RFC 6749 §4.3.2), as `/docs` and many clients send it."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    grant_type: Annotated[str | None, Field(pattern="^password$")] = None
    username: Annotated[str, Field(max_length=320)]
    password: Password
    scope: Annotated[str, Field(max_length=1000)] = ""
    token_transport: Transport = "cookie"


class RefreshBody(Body):
    refresh_token: Annotated[str | None, Field(min_length=1, max_length=512)] = None


class VerifyEmailBody(Body):
    token: Token
    new_password: Annotated[Password | None, Field()] = None
    registration_token: Annotated[str | None, Field(max_length=512)] = None


class EmailBody(Body):
    email: Email


class ResetPasswordBody(Body):
    token: Token
    new_password: Password


class ChangePasswordBody(Body):
    current_password: Password
    new_password: Password


class PasswordBody(Body):
    password: Password


class ProfileBody(Body):
    name: Annotated[str | None, Field(max_length=200)] = None
    username: Annotated[str | None, Field(max_length=64)] = None
    locale: Annotated[str | None, Field(max_length=35, pattern=r"^[A-Za-z0-9-]+$")] = None
    profile: dict[str, Any] | None = None


class MyAccountBody(ProfileBody):
    notifications: Annotated[
        dict[NotificationName, StrictBool] | None,
        Field(
            max_length=200,
            description="Mails to switch on or off, by name; null brings all defaults back.",
            examples=[{"new_sign_in": True}],
        ),
    ] = None


def present(answer: BaseModel) -> dict[str, Any]:
    """The answer without its own empty fields; an object inside it is always whole."""
    return {
        name: value for name, value in answer.model_dump(mode="json").items() if value is not None
    }


class UserOut(BaseModel):
    id: UUID
    email: str
    email_verified: bool
    username: str | None
    name: str | None
    locale: str | None
    roles: list[str]
    created_at: datetime
    profile: Any = None
    notifications: dict[str, bool]

    @classmethod
    def of(cls, user: User[Any]) -> Self:
        """Its values have their types already: nothing is validated again."""
        values = {name: getattr(user, name) for name in cls.model_fields}
        return cls.model_construct(**{**values, "roles": list(user.roles)})


def user_json(user: User[Any]) -> bytes:
    """`UserOut.of(user)` as JSON, without making it."""
    return USER.to_json(user, exclude={"status"}, by_alias=True)


class TokensOut(BaseModel):
    """`expires_in` is in seconds (RFC 6749 §5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int
    user: UserOut
    refresh_token: str | None = None
    scope: str | None = None

    @classmethod
    def of(cls, tokens: Tokens, *, with_refresh_token: bool) -> TokensOut:
        return cls(
            access_token=tokens.access_token,
            expires_in=tokens.expires_in,
            user=UserOut.of(tokens.user),
            refresh_token=tokens.refresh_token if with_refresh_token else None,
            scope=tokens.scope,
        )


def tokens_json(tokens: Tokens, *, with_refresh_token: bool) -> bytes:
    """`TokensOut.of(tokens)` presented as JSON, without making it."""
    answer = {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
        "user": msgspec.Raw(user_json(tokens.user)),
    }
    if with_refresh_token and tokens.refresh_token is not None:
        answer["refresh_token"] = tokens.refresh_token
    if tokens.scope is not None:
        answer["scope"] = tokens.scope
    return msgspec.json.encode(answer)


class VerificationSent(BaseModel):
    """`registration_token` proves the client that signed up (`token_transport: "body"`)."""

    status: Literal["verification_sent"] = "verification_sent"
    registration_token: str | None = None


class ResetSent(BaseModel):
    status: Literal["reset_sent"] = "reset_sent"


class PasswordSet(BaseModel):
    status: Literal["password_set"] = "password_set"


class VerifiedOut(BaseModel):
    status: Literal["verified"] = "verified"
    user: UserOut


class EndedOut(BaseModel):
    ended: int
