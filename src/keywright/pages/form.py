"""What a person typed into a form, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from starlette.requests import Request

from keywright.core.errors import FieldError, InvalidInput, KeywrightError
from keywright.pages.wording import say


@dataclass(frozen=True, slots=True)
class Field:
    """`missing` is the sentence for an empty field; without one it may stay empty."""

    name: str
    missing: str | None = None
    longest: int = 320  # characters
    secret: bool = False


EMAIL = Field("email", "Enter your e-mail address.")
PASSWORD = Field("password", "Enter your password.", longest=1024, secret=True)
CURRENT_PASSWORD = Field(
    "current_password", "Enter your current password.", longest=1024, secret=True
)
CHOSEN_PASSWORD = Field("password", "Choose a password.", longest=1024, secret=True)
FIRST_PASSWORD = Field("new_password", longest=1024, secret=True)
NEW_PASSWORD = Field("new_password", "Choose a new password.", longest=1024, secret=True)
LINK_TOKEN = Field("token", longest=512)
SESSION = Field("session", "Choose a device to sign out.")
RETURN_TO = Field("return_to", longest=2000)


@dataclass(frozen=True, slots=True)
class Form:
    """`error` is why it was refused, `errors` what is wrong with single fields."""

    values: Mapping[str, str] = field(default_factory=dict)
    error: KeywrightError | None = None
    errors: tuple[FieldError, ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def refused(self, error: KeywrightError, *, at: str | None = None) -> Form:
        """`at` names the field that is to blame where the error itself names none."""
        blamed = (FieldError(at, error.code, say(error)),) if at else ()
        return replace(self, error=error, errors=error.errors or blamed)

    def complaints(self, name: str) -> list[str]:
        return [one.detail for one in self.errors if one.field == name]


async def read_form(request: Request, fields: Iterable[Field]) -> Form:
    """Every field as text; one that is missing is empty."""
    sent = await request.form()
    return Form({one.name: str(sent.get(one.name, "")) for one in fields})


def forget_secrets(form: Form, fields: Iterable[Field]) -> Form:
    """What may be shown again: a password that was typed never is."""
    secrets = {one.name: "" for one in fields if one.secret}
    return replace(form, values={**form.values, **secrets})


def require_fields(form: Form, fields: Iterable[Field]) -> None:
    """Raises `InvalidInput` naming each field that is empty or too long."""
    errors = [error for one in fields if (error := complaint(one, form[one.name]))]
    if errors:
        raise InvalidInput(errors=errors)


def complaint(one: Field, value: str) -> FieldError | None:
    if one.missing and not value.strip():
        return FieldError(one.name, "missing", one.missing)
    if len(value) > one.longest:
        return FieldError(one.name, "too_long", f"Use {one.longest} characters or fewer.")
    return None
