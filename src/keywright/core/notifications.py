"""Which mails a person may switch off: ours, and those that the application declares.

    kw = Keywright(notifications={"price_alert": "Price alerts"})

What protects an account, and what somebody asked for, is always sent and has no name here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from keywright.core.errors import ConfigurationError, FieldError, InvalidInput

NEW_SIGN_IN = "new_sign_in"
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
MOST = 100


class UnknownNotification(InvalidInput):
    code = "unknown_notification"
    title = "There is no such notification"


@dataclass(frozen=True, slots=True)
class Notification:
    """A kind of mail that a person may switch on and off. `label` is what they read beside it.

    What is not asked for, such as news, begins switched off: `default=False`.
    """

    label: str
    default: bool = True


OURS = {NEW_SIGN_IN: Notification("Sign-ins from a device that is new")}


class Notifications:
    """Every kind, ours first, by its name. Raises `ConfigurationError` for a name that is none."""

    def __init__(self, declared: Mapping[str, str | Notification] | None = None) -> None:
        own = {name: as_notification(name, said) for name, said in (declared or {}).items()}
        refuse_too_many(own)
        self.kinds: Mapping[str, Notification] = MappingProxyType({**OURS, **own})
        self._usual = {name: kind.default for name, kind in self.kinds.items()}

    def chosen(self, stored: Mapping[str, Any] | None) -> dict[str, bool]:
        """Whether each kind is on, for an account whose own choices are `stored`."""
        if not stored:
            return self._usual.copy()
        return {name: stored.get(name, usual) is True for name, usual in self._usual.items()}

    def change(
        self, stored: Mapping[str, Any] | None, changes: Mapping[str, bool] | None
    ) -> dict[str, Any] | None:
        """What to store: other choices stay, and None brings all the defaults back.

        Raises `UnknownNotification`.
        """
        if changes is None:
            return None
        refuse_unknown(self.kinds, changes)
        return {**(stored or {}), **changes} or None

    def require(self, name: str) -> None:
        """Raise `ConfigurationError` for a kind that nobody declared."""
        if name not in self.kinds:
            raise ConfigurationError(
                f"There is no notification {name!r}; declare it: "
                f"Keywright(notifications={{{name!r}: 'What people read'}})."
            )


def as_notification(name: str, said: str | Notification) -> Notification:
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"notifications: {name!r} must have small letters, digits and underscores, at most "
            "64, and begin with a letter."
        )
    if name in OURS:
        raise ConfigurationError(f"notifications: {name} is Keywright's own; choose another name.")
    return said if isinstance(said, Notification) else Notification(said)


def refuse_too_many(declared: Mapping[str, Notification]) -> None:
    """Every account's answer lists them."""
    if len(declared) > MOST:
        raise ConfigurationError(f"notifications: there may be {MOST} at the most.")


def refuse_unknown(kinds: Mapping[str, Notification], changes: Mapping[str, bool]) -> None:
    """A misspelled name would leave on what somebody switched off; and mails that protect an
    account have no name, so that nobody switches them off.
    """
    unknown = [name for name in changes if name not in kinds]
    if unknown:
        detail = f"There is no such notification; there are {', '.join(kinds)}."
        raise UnknownNotification(
            detail,
            errors=[
                FieldError(f"notifications.{name}", "unknown_notification", detail)
                for name in unknown
            ],
        )
