"""Addresses and header values as they may stand in a mail."""

from __future__ import annotations

import re
from email.headerregistry import Address, AddressHeader, HeaderRegistry
from typing import cast

import idna

from keywright.core.errors import ConfigurationError
from keywright.outbox.errors import DeliveryRefused

CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
# RFC 5322 §3.2.3 dot-atom, widened to any script (RFC 6531 §3.3); no quoting, no comments
LOCAL_PART = re.compile(r"[^\s\"(),:;<>@\[\]\\\x00-\x20\x7f]+")


class UnsafeHeader(DeliveryRefused):
    code = "unsafe_mail_header"
    title = "A mail header has a line break or another control character"
    detail = "A header of this mail has a line break or another control character in it."


class UnusableAddress(DeliveryRefused):
    code = "unusable_mail_address"
    title = "Mail cannot be sent to this address"
    detail = "Mail cannot be sent to this address: it is not one plain address."


def refuse_header_injection(value: str) -> None:
    """Nothing in a header or an SMTP command may begin another one (RFC 5322 §2.2)."""
    if CONTROL_CHARACTERS.search(value):
        raise UnsafeHeader


def refuse_further_addresses(local: str) -> None:
    """No comma, space, bracket or second `@` that would make it a list or another address."""
    if not LOCAL_PART.fullmatch(local):
        raise UnusableAddress


def recipient(address: str) -> Address:
    """One plain address, its domain as DNS has it (IDNA). Raises `DeliveryRefused`."""
    refuse_header_injection(address)
    local, _, domain = address.rpartition("@")
    refuse_further_addresses(local)
    try:
        return Address(username=local, domain=idna.encode(domain, uts46=True).decode())
    except (idna.IDNAError, UnicodeError, ValueError):
        raise UnusableAddress from None


def sender(mail_from: str) -> Address:
    """`KEYWRIGHT_MAIL_FROM`, parsed. Raises `ConfigurationError`."""
    header = cast("AddressHeader", HeaderRegistry()("From", mail_from))
    try:
        refuse_header_injection(mail_from)
        (found,) = header.addresses
        address = recipient(found.addr_spec)
    except (DeliveryRefused, ValueError):
        raise bad_sender(mail_from) from None
    if not address.username.isascii():
        raise bad_sender(mail_from)
    return Address(found.display_name, address.username, address.domain)


def bad_sender(mail_from: str) -> ConfigurationError:
    return ConfigurationError(
        "KEYWRIGHT_MAIL_FROM must be one ASCII address, such as "
        f"`Example <accounts@example.com>` (it is {mail_from!r})."
    )
