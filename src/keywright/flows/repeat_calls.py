"""A call with an `Idempotency-Key`: done once, and answered alike when it is sent again."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from keywright.core import idempotency
from keywright.core.errors import KeywrightError
from keywright.core.idempotency import Call, Done
from keywright.core.principal import User
from keywright.flows.administer_users import NewUser, create_user
from keywright.flows.administrators import Actor
from keywright.flows.find_users import get_user

if TYPE_CHECKING:
    from keywright.core.context import Context


async def create_user_once(kw: Context, wanted: NewUser, actor: Actor, call: Call) -> User[Any]:
    """As `create_user`; the same call again answers the account that the first one made.

    Raises `IdempotencyKeyReused` and `StillRunning` too, and `UserNotFound` when that account is
    gone.
    """
    begun = await idempotency.begin(kw.db, kw.secrets, call, kw.clock.now())
    if isinstance(begun, Done):
        return await get_user(kw, begun.resource_id)
    try:
        return await create_user(kw, wanted, actor, begun)
    except BaseException:
        with suppress(KeywrightError):  # its time runs out by itself
            await idempotency.give_up(kw.db, begun)
        raise
