"""What the administrators' routes read and answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field

from keywright.accounts.closings.models import Closing
from keywright.accounts.users.models import UserFilter
from keywright.core.principal import User, UserStatus
from keywright.flows.administer_users import NewUser
from keywright.flows.find_users import FoundUsers
from keywright.flows.routes.deletion_schemas import ManagedClosingOut
from keywright.flows.routes.schemas import Body, Email, Password, UserOut

Role = Annotated[str, Field(min_length=1, max_length=64, examples=["moderator"])]
Roles = Annotated[list[Role], Field(max_length=50)]


class UsersQuery(BaseModel):
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[UUID | None, Field(description="`next_cursor` of the page before.")] = None
    search: Annotated[
        str | None, Field(max_length=100, description="Part of an e-mail address or a name.")
    ] = None
    role: Annotated[
        str | None, Field(max_length=64, description="Who was given it; everybody holds `user`.")
    ] = None
    status: Literal["active", "closing", "disabled"] | None = None
    total: bool = False

    def as_filter(self) -> UserFilter:
        return UserFilter(self.search, self.role, UserStatus(self.status) if self.status else None)


class CreateUserBody(Body):
    """Without a password the owner is mailed a link to choose one."""

    email: Email
    password: Password | None = None
    username: Annotated[str | None, Field(max_length=64)] = None
    name: Annotated[str | None, Field(max_length=200)] = None
    locale: Annotated[str | None, Field(max_length=35, pattern=r"^[A-Za-z0-9-]+$")] = None
    profile: dict[str, Any] | None = None
    roles: Annotated[Roles, Field(default_factory=list)]

    def as_new_user(self, profile: dict[str, Any] | None) -> NewUser:
        return NewUser(
            self.email,
            password=self.password,
            username=self.username,
            name=self.name,
            locale=self.locale,
            profile=profile,
            roles=tuple(dict.fromkeys(self.roles)),
        )


class RolesBody(Body):
    roles: Roles


class ManagedUserOut(UserOut):
    """`closing` where the owner has the account deleted."""

    status: UserStatus
    closing: ManagedClosingOut | None = None

    @classmethod
    def of(cls, user: User[Any], closing: Closing | None = None) -> Self:
        values = {**vars(UserOut.of(user)), "status": user.status}
        shown = ManagedClosingOut.of(closing) if closing else None
        return cls.model_construct(**values, closing=shown)


class UsersOut(BaseModel):
    """`total` only where it was asked for."""

    items: list[ManagedUserOut]
    next_cursor: str | None
    total: int | None = None

    @classmethod
    def of(cls, found: FoundUsers, **total: int) -> UsersOut:
        return cls(
            items=[ManagedUserOut.of(user, found.closings.get(user.id)) for user in found.items],
            next_cursor=str(found.next_before) if found.next_before else None,
            **total,
        )
