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


class NewSignIn(Mail, frozen=True, kw_only=True, tag="new_sign_in"):
    """From a device that is new to the account. The owner may switch these off."""

    device: str | None = None


class ConfirmDeletion(LinkMail, frozen=True, kw_only=True, tag="confirm_deletion"):
    page = "confirm-deletion"
    device: str | None = None


class DeletionConfirmed(LinkMail, frozen=True, kw_only=True, tag="deletion_confirmed"):
    """The account is purged when the link expires, which cancels that."""

    page = "cancel-deletion"
    device: str | None = None


class DeletionCancelled(Mail, frozen=True, kw_only=True, tag="deletion_cancelled"):
    """`by_administrator`: somebody else took it back."""

    device: str | None = None
    by_administrator: bool = False


class AccountDeleted(Mail, frozen=True, kw_only=True, tag="account_deleted"):
    """The last mail to an address, and its only trace: forgotten at `expires_at`, sent or not."""

    expires_at: datetime
    by_administrator: bool = False


class ConfirmEmailChange(LinkMail, frozen=True, kw_only=True, tag="confirm_email_change"):
    """To the address that an account is to have: nobody has proven yet whose that is."""

    page = "confirm-email-change"


class EmailChanged(LinkMail, frozen=True, kw_only=True, tag="email_changed"):
    """To the address that the account had, with the link that undoes the change."""

    page = "undo-email-change"
    new_email: str
    device: str | None = None


class AddressInUse(Mail, frozen=True, kw_only=True, tag="address_in_use"):
    """Somebody wanted to give their account the address of another one."""


class AddressKept(Mail, frozen=True, kw_only=True, tag="address_kept"):
    """Somebody used an address that an account left, and may come back to `until` then."""

    until: datetime


class SecurityNotice(Mail, frozen=True, kw_only=True, tag="security_notice"):
    """Any other change that an owner is told about. `what` and `advice` are sentences of ours."""

    subject: str
    what: str
    advice: str | None = None
    device: str | None = None


AnyMail = (
    VerifyEmail
    | AlreadyRegistered
    | ResetPassword
    | PasswordChanged
    | NewSignIn
    | ConfirmDeletion
    | DeletionConfirmed
    | DeletionCancelled
    | AccountDeleted
    | ConfirmEmailChange
    | EmailChanged
    | AddressInUse
    | AddressKept
    | SecurityNotice
)
