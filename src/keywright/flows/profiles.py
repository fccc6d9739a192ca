"""The host application's own profile fields, validated by its own model.

What the model does not know is left out, refused or kept, as its `extra` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from keywright.core.errors import FieldError, InvalidInput
from keywright.core.log import get_logger
from keywright.core.web.problem import name_field

if TYPE_CHECKING:
    from uuid import UUID

    from keywright.core.context import Context

log = get_logger("keywright.accounts")


def check_profile(kw: Context, profile: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A whole profile as it will be stored. Raises `InvalidInput` naming each field."""
    if kw.profile is None:
        refuse_profile(profile)
        return None
    return validate(kw.profile, profile or {})


def change_profile(
    kw: Context, stored: Mapping[str, Any] | None, changes: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """The profile with these fields changed; the others stay as they are stored. None begins anew.

    Raises `InvalidInput` naming each field.
    """
    if kw.profile is None or changes is None:
        return check_profile(kw, changes)
    kept = {
        name: value
        for name, value in read_stored(kw.profile, stored).items()
        if not spellings(kw.profile, name) & changes.keys()
    }
    return validate(kw.profile, {**kept, **changes}, by_name=True)


def build_profile(kw: Context, stored: Mapping[str, Any] | None, user_id: UUID) -> Any:
    """None for an account from before the application asked for (all of) its fields: whoever
    keeps it may still sign in.
    """
    if kw.profile is None:
        return None
    try:
        return kw.profile.model_validate(
            read_stored(kw.profile, stored), by_alias=True, by_name=True
        )
    except ValidationError as error:
        log.info("profile_not_complete", user_id=user_id, problems=error.error_count())
        return None


def read_stored(model: type[BaseModel], stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """Without the fields that the application has given up since."""
    if model.model_config.get("extra") == "allow":
        return dict(stored or {})
    return {name: value for name, value in (stored or {}).items() if name in model.model_fields}


def spellings(model: type[BaseModel], name: str) -> set[str]:
    """What a client may call the field."""
    field: FieldInfo | None = model.model_fields.get(name)
    alias = None if field is None else field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return {name, *(one for one in choices if isinstance(one, str))}


def validate(
    model: type[BaseModel], values: Mapping[str, Any], *, by_name: bool | None = None
) -> dict[str, Any]:
    try:
        checked = model.model_validate(values, by_alias=by_name, by_name=by_name)
    except ValidationError as error:
        raise InvalidInput(
            errors=[
                FieldError(name_field(["profile", *found["loc"]]), found["type"], found["msg"])
                for found in error.errors(include_input=False, include_url=False)
            ]
        ) from None
    return checked.model_dump(mode="json", round_trip=True, by_alias=False)


def refuse_profile(profile: Mapping[str, Any] | None) -> None:
    if profile:
        raise InvalidInput("This application keeps no profile fields: leave `profile` out.")
