"""Somebody uses an address that an account left and may still come back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keywright.accounts.users.reservations.models import Reservation
from keywright.core.db import Transaction
from keywright.core.ratelimit import defaults as limits
from keywright.outbox.channels.mail.mails import AddressKept

if TYPE_CHECKING:
    from keywright.core.context import Context


async def tell_of_kept_address(kw: Context, tx: Transaction, kept: Reservation) -> None:
    """In the worker. Who signs up there, or forgot the password, may not know of the change."""
    if await kw.limits.mail_allowed(tx, kept.email_folded, limits.SIGN_UP_MAIL):
        mail = AddressKept(to=kept.email, at=kw.clock.now(), until=kept.expires_at)
        await kw.outbox.mail(tx, mail)
