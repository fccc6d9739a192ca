"""Every mail there is, and all that each may say.

The types are the rule: a mail to an address that nobody has proven yet has no field for anything
that the person who typed the address could have chosen (security.md, "Mailed and shown secrets").
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class Mail(Struct, frozen=True, kw_only=True, tag_field="template"):
    """`to` is the stored spelling of an address; `at` is when it happened, `network` from where."""

    to: str
    at: datetime
    network: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} mail>"


class LinkMail(Mail, frozen=True, kw_only=True):
    """Carries a link that works once, until `expires_at`."""

    page: ClassVar[str]
    token: str
    expires_at: datetime


class VerifyEmail(LinkMail, frozen=True, kw_only=True, tag="verify_email"):
    page = "verify-email"


class AlreadyRegistered(Mail, frozen=True, kw_only=True, tag="already_registered"):
    """Somebody tried to sign up with the address of an account."""


class ResetPassword(LinkMail, frozen=True, kw_only=True, tag="reset_password"):
    """`device` is a name of ours ("Firefox on Windows"), never the User-Agent's own words."""

    page = "reset-password"
    device: str | None = None


class PasswordChanged(Mail, frozen=True, kw_only=True, tag="password_changed"):
    device: str | None = None


class SecurityNotice(Mail, frozen=True, kw_only=True, tag="security_notice"):
    """Any other change that an owner is told about. `what` and `advice` are sentences of ours."""

    subject: str
    what: str
    advice: str | None = None
    device: str | None = None


AnyMail = VerifyEmail | AlreadyRegistered | ResetPassword | PasswordChanged | SecurityNotice
