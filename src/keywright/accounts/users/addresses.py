"""E-mail addresses, usernames and names: what is accepted, and the form that the first two are
unique by.
"""

from __future__ import annotations

import unicodedata
from contextlib import suppress

import idna
from email_validator import EmailNotValidError, validate_email

from keywright.core.control_characters import has_controls
from keywright.core.errors import FieldError, InvalidInput

EMAIL_LENGTH = 320
USERNAME_MIN, USERNAME_MAX = 2, 64


class InvalidEmail(InvalidInput):
    code = "invalid_email"
    title = "That e-mail address cannot be used"


class InvalidUsername(InvalidInput):
    code = "invalid_username"
    title = "That username cannot be used"


def check_email(value: str, *, field: str = "email") -> str:
    """The address as it will be stored and mailed to. Raises `InvalidEmail`."""
    detail = "That does not look like an e-mail address. Check it for typing errors."
    try:
        if len(value) > EMAIL_LENGTH:
            raise InvalidEmail(errors=[FieldError(field, "too_long", "It is too long.")])
        found = validate_email(value.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        fields = [FieldError(field, "invalid_email", str(error))]
        raise InvalidEmail(detail, errors=fields) from None
    return found.normalized


def fold_email(value: str) -> str:
    """The form that addresses are unique and looked up by: NFKC, case-folded, IDNA domain.

    Never mailed to. Any text has one, so that a look-up by a wrong address costs the same.
    """
    text = unicodedata.normalize("NFKC", value).strip()
    local, at, domain = text.rpartition("@")
    folded = f"{fold(local)}@{fold_domain(domain)}" if at else fold(text)
    return folded[:EMAIL_LENGTH]


def fold_domain(domain: str) -> str:
    """As mail finds it (UTS 46, non-transitional). Case folding would lead to somebody else's:
    `faß.de` is not `fass.de`. What is ASCII, as nearly every domain, only loses its capitals.
    """
    if domain.isascii():
        return domain.lower()
    with suppress(idna.IDNAError, UnicodeError):
        return idna.encode(domain, uts46=True).decode()
    return domain.lower()


def fold(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def check_username(value: str) -> str:
    """Letters, digits and `. _ -` in any script; never an `@`. Raises `InvalidUsername`."""
    name = unicodedata.normalize("NFKC", value).strip()
    if not USERNAME_MIN <= len(name) <= USERNAME_MAX:
        raise bad_username(f"A username has {USERNAME_MIN} to {USERNAME_MAX} characters.")
    if not all(character.isalnum() or character in "._-" for character in name):
        raise bad_username("A username has letters, digits, dots, dashes and underscores only.")
    return name


def refuse_control_characters(name: str | None) -> None:
    """A name is printed in tables, logs and mails, whose next line is not its own."""
    if name and has_controls(name):
        detail = "A name has no line breaks and no control characters."
        raise InvalidInput(detail, errors=[FieldError("name", "control_characters", detail)])


def bad_username(detail: str) -> InvalidUsername:
    return InvalidUsername(detail, errors=[FieldError("username", "invalid_username", detail)])
