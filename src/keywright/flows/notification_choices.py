"""Who gets which of the mails that people may switch off."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from keywright.accounts.users import service as users
from keywright.accounts.users.models import UserRecord

if TYPE_CHECKING:
    from keywright.core.context import Context


async def wants_mail(kw: Context, user_id: UUID, notification: str) -> bool:
    """Raises `ConfigurationError` for a kind that nobody declared."""
    kw.notifications.require(notification)
    record = await users.find(kw.db, user_id)
    return record is not None and record.active and wants(kw, record, notification)


def wants(kw: Context, user: UserRecord, notification: str) -> bool:
    """An address that is not proven may be somebody else's."""
    return (
        user.email_verified_at is not None
        and kw.notifications.chosen(user.notifications)[notification]
    )
