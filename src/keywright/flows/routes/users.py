from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from keywright.core.principal import Principal, User
from keywright.core.web import api_router, resolve_caller
from keywright.flows import administer_roles, administer_users, find_users, keep_account
from keywright.flows.administrators import READ_USERS, WRITE_USERS, Actor
from keywright.flows.profiles import check_profile
from keywright.flows.repeat_calls import create_user_once
from keywright.flows.routes import user_schemas as s
from keywright.flows.routes.administrator_required import administrator
from keywright.flows.routes.repeatable import IdempotencyKey, call_of
from keywright.flows.routes.schemas import EndedOut, ProfileBody

if TYPE_CHECKING:
    from keywright.core.context import Context


def routes(kw: Context) -> APIRouter:
    api = api_router(kw, "/users", tags=["users: administration"])
    add_reading(api, kw)
    add_writing(api, kw)
    add_status(api, kw)
    return api


async def managed(kw: Context, user: User[Any]) -> s.ManagedUserOut:
    closings = await find_users.find_closings(kw, [user])
    return s.ManagedUserOut.of(user, closings.get(user.id))


def add_reading(api: APIRouter, kw: Context) -> None:
    reader = administrator(kw, READ_USERS)

    @api.get("", dependencies=[Depends(reader)], response_model_exclude_unset=True)
    async def list_users(query: Annotated[s.UsersQuery, Query()]) -> s.UsersOut:
        """Accounts, the newest first."""
        wanted = query.as_filter()
        found = await find_users.list_users(kw, wanted, limit=query.limit, before=query.cursor)
        if not query.total:
            return s.UsersOut.of(found)
        return s.UsersOut.of(found, total=await find_users.count_users(kw, wanted))

    @api.get("/{user_id}", dependencies=[Depends(reader)])
    async def read_user(user_id: UUID) -> s.ManagedUserOut:
        """One account."""
        return await managed(kw, await find_users.get_user(kw, user_id))


def add_writing(api: APIRouter, kw: Context) -> None:
    writer = administrator(kw, WRITE_USERS)
    fresh_writer = administrator(kw, WRITE_USERS, fresh=True)

    @api.post("", status_code=201)
    async def create_user(
        request: Request,
        body: s.CreateUserBody,
        key: IdempotencyKey = None,
        admin: Principal = Depends(writer),
    ) -> s.ManagedUserOut:
        """Make a verified account: you vouch that the address is theirs."""
        wanted = body.as_new_user(check_profile(kw, body.profile))
        actor = Actor.of(admin, resolve_caller(request, kw.settings))
        if key is None:
            return await managed(kw, await administer_users.create_user(kw, wanted, actor))
        call = await call_of(request, admin, key)
        return await managed(kw, await create_user_once(kw, wanted, actor, call))

    @api.patch("/{user_id}")
    async def edit_user(
        request: Request, user_id: UUID, body: ProfileBody, admin: Principal = Depends(writer)
    ) -> s.ManagedUserOut:
        """Change name, username, locale or single profile fields; others stay as they are."""
        changes = body.model_dump(exclude_unset=True)
        actor = Actor.of(admin, resolve_caller(request, kw.settings))
        return await managed(kw, await administer_users.edit_user(kw, user_id, changes, actor))

    @api.put("/{user_id}/roles")
    async def set_roles(
        request: Request, user_id: UUID, body: s.RolesBody, admin: Principal = Depends(writer)
    ) -> s.ManagedUserOut:
        """Hold these roles and no others, but `user`, which everybody holds and no list names.

        Those that a sign-in provider gave stay.
        """
        actor = Actor.of(admin, resolve_caller(request, kw.settings))
        return await managed(kw, await administer_roles.set_roles(kw, user_id, body.roles, actor))

    @api.delete("/{user_id}", status_code=204)
    async def delete_user(
        request: Request, user_id: UUID, admin: Principal = Depends(fresh_writer)
    ) -> None:
        """Erase the account for good. Needs a recent sign-in."""
        actor = Actor.of(admin, resolve_caller(request, kw.settings))
        await administer_users.delete_user(kw, user_id, actor)


def add_status(api: APIRouter, kw: Context) -> None:
    writer = administrator(kw, WRITE_USERS)

    @api.post("/{user_id}/disable")
    async def disable_user(
        request: Request, user_id: UUID, admin: Principal = Depends(writer)
    ) -> s.ManagedUserOut:
        """Take the account out of use: its sessions end, and it cannot sign in."""
        actor = Actor.of(admin, resolve_caller(request, kw.settings))
        await administer_users.disable_user(kw, user_id, actor)
        return await managed(kw, await find_users.get_user(kw, user_id))

    @api.post("/{user_id}/enable")
    async def enable_user(
        request: Request, user_id: UUID, admin: Principal = Depends(writer)
    ) -> s.ManagedUserOut:
        """Let a disabled account sign in again."""
        actor = Actor.of(admin, resolve_caller(request, kw.settings))
        await administer_users.enable_user(kw, user_id, actor)
        return await managed(kw, await find_users.get_user(kw, user_id))

    @api.post("/{user_id}/cancel-deletion")
    async def cancel_users_deletion(
        request: Request, user_id: UUID, admin: Principal = Depends(writer)
    ) -> s.ManagedUserOut:
        """Keep an account that its owner has deleted. The owner is told."""
        actor = Actor.of(admin, resolve_caller(request, kw.settings))
        await keep_account.cancel_for_owner(kw, user_id, actor)
        return await managed(kw, await find_users.get_user(kw, user_id))

    @api.post("/{user_id}/sign-out")
    async def sign_user_out(
        request: Request, user_id: UUID, admin: Principal = Depends(writer)
    ) -> EndedOut:
        """End every session of the account."""
        actor = Actor.of(admin, resolve_caller(request, kw.settings))
        return EndedOut(ended=await administer_users.sign_user_out(kw, user_id, actor))
