from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from keywright.core.errors import FieldError, InvalidInput, Unavailable


class Overloaded(Unavailable):
    """Too many wait for their turn. Says nothing about the account that was asked for."""

    code = "overloaded"
    title = "Too busy right now"
    detail = "Too many people are signing in at this moment. Please try again in a few seconds."


class UnusablePassword(InvalidInput):
    """Base of every refusal of a new password; `errors` names the field that carried it."""

    code = "unusable_password"
    title = "That password cannot be used"

    @classmethod
    def because(cls, detail: str, *, field: str, reasons: Sequence[str] = ()) -> Self:
        errors = [FieldError(field, cls.code, reason) for reason in reasons or (detail,)]
        return cls(detail, errors=errors)


class PasswordTooShort(UnusablePassword):
    code = "password_too_short"
    title = "That password is too short"


class PasswordTooLong(UnusablePassword):
    code = "password_too_long"
    title = "That password is too long"


class WeakPassword(UnusablePassword):
    code = "weak_password"
    title = "That password is too easy to guess"


class BreachedPassword(UnusablePassword):
    code = "breached_password"
    title = "That password is known to attackers"
