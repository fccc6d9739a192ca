"""The host application's own profile fields, validated by its own model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from keywright.core.errors import FieldError, InvalidInput
from keywright.core.web.problem import name_field

if TYPE_CHECKING:
    from keywright.core.context import Context


def check_profile(kw: Context, profile: dict[str, Any] | None) -> dict[str, Any] | None:
    """The profile as it will be stored. Raises `InvalidInput` naming each field."""
    if kw.profile is None:
        if profile:
            raise InvalidInput("This application keeps no profile fields: leave `profile` out.")
        return None
    try:
        return kw.profile.model_validate(profile or {}).model_dump(mode="json")
    except ValidationError as error:
        raise InvalidInput(
            errors=[
                FieldError(
                    name_field(["profile", *found["loc"]]),
                    found["type"],
                    found["msg"],
                )
                for found in error.errors(include_input=False, include_url=False)
            ]
        ) from None
