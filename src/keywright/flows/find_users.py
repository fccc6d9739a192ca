"""An administrator looks for accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from keywright.accounts.users import service as users
from keywright.accounts.users.models import UserFilter
from keywright.core.principal import User
from keywright.flows.results import present_user

if TYPE_CHECKING:
    from keywright.core.context import Context


@dataclass(frozen=True, slots=True)
class FoundUsers:
    """The newest first. `next_before` asks for the following page; None is the end."""

    items: tuple[User[Any], ...]
    next_before: UUID | None


async def list_users(
    kw: Context, wanted: UserFilter, *, limit: int, before: UUID | None = None
) -> FoundUsers:
    page = await users.list_newest(kw.db, wanted, limit=limit, before=before)
    return FoundUsers(tuple(present_user(kw, one) for one in page.items), page.next_before)


async def count_users(kw: Context, wanted: UserFilter) -> int:
    return await users.count(kw.db, wanted)


async def get_user(kw: Context, user_id: UUID) -> User[Any]:
    """Raises `UserNotFound`."""
    return present_user(kw, await users.get(kw.db, user_id))
