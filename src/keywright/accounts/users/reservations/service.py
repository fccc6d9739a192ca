"""The rules of reserved addresses (security.md: "until then the old address stays reserved")."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from keywright.accounts.users.addresses import fold_email
from keywright.accounts.users.errors import EmailTaken
from keywright.accounts.users.reservations import repository
from keywright.accounts.users.reservations.models import Reservation
from keywright.core.db import Handle, Transaction

list_of_user = repository.list_of_user
release_all = repository.release_all
sweep = repository.sweep


async def reserve(tx: Transaction, user_id: UUID, email: str, until: datetime) -> None:
    """Keep the address for the account that leaves it. Kept already, it is kept for longer."""
    await repository.reserve(tx, Reservation(fold_email(email), email, user_id, until))


async def find(db: Handle, email: str, now: datetime) -> Reservation | None:
    """For whom the address is kept, in any spelling that folds to the same."""
    return await repository.find(db, fold_email(email), now)


async def refuse_reserved(tx: Transaction, email: str, user_id: UUID, now: datetime) -> None:
    """Raise `EmailTaken` for an address that is kept for another account.

    After the account's own row has the address, never before: whoever leaves it reserves it in the
    same transaction, and the row's unique key lets nobody have it before that is committed. So what
    is read here cannot be out of date, on either database.
    """
    held = await find(tx, email, now)
    if held is not None and held.user_id != user_id:
        raise EmailTaken
