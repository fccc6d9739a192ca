"""The rules of known devices: remembered at each sign-in, forgotten with the password."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from keywright.core.db import Transaction
from keywright.core.web.caller import Caller
from keywright.core.web.device_name import device_name
from keywright.sessions.devices import repository
from keywright.sessions.devices.table import NETWORK_LENGTH

KEPT = 50  # of one account; the one that was not seen for longest goes

forget_all = repository.forget_all
list_for_user = repository.list_for_user


async def is_new(tx: Transaction, user_id: UUID, caller: Caller, now: datetime) -> bool:
    """Remember where this sign-in comes from. True when the account knows only others: its first
    sign-in is from nowhere new.
    """
    name, network = device_name(caller.user_agent), network_of(caller)
    if await repository.remember(tx, user_id, name, network, now) > 1:
        return False
    if not await repository.has_another(tx, user_id, name, network):
        return False
    await repository.forget_surplus(tx, user_id, KEPT)
    return True


async def keep_only(tx: Transaction, user_id: UUID, caller: Caller, now: datetime) -> None:
    """With another password, only the device that it was chosen on is known."""
    await repository.forget_all(tx, user_id)
    name, network = device_name(caller.user_agent), network_of(caller)
    await repository.remember(tx, user_id, name, network, now)


def network_of(caller: Caller) -> str:
    """An address that belongs to a proxy says nothing about who stands behind it."""
    return (caller.network or "unknown")[:NETWORK_LENGTH]
