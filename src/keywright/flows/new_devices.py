"""The owner hears of a sign-in from a device that is new to the account.

A browser is recognized by its device cookie, and every client by what it is and its network.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from keywright.accounts.passwords.models import Attempt
from keywright.accounts.users import service as users
from keywright.accounts.users.models import UserRecord
from keywright.core.db import Transaction
from keywright.core.notifications import NEW_SIGN_IN
from keywright.core.ratelimit import defaults as limits
from keywright.core.web.caller import Caller
from keywright.core.web.device_name import device_name
from keywright.flows.notification_choices import wants
from keywright.outbox.channels.mail.mails import NewSignIn
from keywright.sessions.devices import service as devices

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.outbox.models import Message

TELL_OF_SIGN_IN = "tell_of_sign_in"


async def note_device(
    kw: Context,
    tx: Transaction,
    user: UserRecord,
    caller: Caller,
    *,
    attempt: Attempt | None,
    now: datetime,
) -> None:
    """In the transaction of the sign-in; the worker writes the mail."""
    recognized = attempt is not None and attempt.device is not None
    if not await devices.is_new(tx, user.id, caller, now) or recognized:
        return
    if wants(kw, user, NEW_SIGN_IN):
        said = {"network": caller.ip, "device": device_name(caller.user_agent)}
        await kw.outbox.add(tx, TELL_OF_SIGN_IN, {"user_id": str(user.id), **said})


async def tell_of_sign_in(kw: Context, tx: Transaction, message: Message) -> None:
    """In the worker: whoever signed in does not switch off the mail about it."""
    user = await users.find(tx, UUID(message.payload["user_id"]))
    if user is None or not user.may_sign_in:
        return
    if await kw.limits.mail_allowed(tx, user.email_folded, limits.NEW_SIGN_IN_MAIL):
        await kw.outbox.mail(
            tx,
            NewSignIn(
                to=user.email,
                at=message.created_at,
                network=message.payload["network"],
                device=message.payload["device"],
            ),
        )
