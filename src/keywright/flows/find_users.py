"""An administrator looks for accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from keywright.accounts.closings import service as closings
from keywright.accounts.closings.models import Closing
from keywright.accounts.users import service as users
from keywright.accounts.users.models import UserFilter
from keywright.core.principal import User, UserStatus
from keywright.flows.results import present_user

if TYPE_CHECKING:
    from keywright.core.context import Context


@dataclass(frozen=True, slots=True)
class FoundUsers:
    """The newest first. `next_before` asks for the following page; None is the end. `closings` are
    those of them whose owners have them deleted.
    """

    items: tuple[User[Any], ...]
    next_before: UUID | None
    closings: Mapping[UUID, Closing]


async def list_users(
    kw: Context, wanted: UserFilter, *, limit: int, before: UUID | None = None
) -> FoundUsers:
    page = await users.list_newest(kw.db, wanted, limit=limit, before=before)
    found = tuple(present_user(kw, one) for one in page.items)
    return FoundUsers(found, page.next_before, await find_closings(kw, found))


async def find_closings(kw: Context, found: Iterable[User[Any]]) -> dict[UUID, Closing]:
    """Of these accounts, by their id. Nothing is asked where none can be closing."""
    asked = [user.id for user in found if user.status is not UserStatus.ACTIVE]
    closing = await closings.list_of(kw.db, asked) if asked else []
    return {one.user_id: one for one in closing}


async def count_users(kw: Context, wanted: UserFilter) -> int:
    return await users.count(kw.db, wanted)


async def get_user(kw: Context, user_id: UUID) -> User[Any]:
    """Raises `UserNotFound`."""
    return present_user(kw, await users.get(kw.db, user_id))
