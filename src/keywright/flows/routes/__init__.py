"""The HTTP side of the stories: parse, tell the story, answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import APIRouter

from keywright.flows.routes import me, passwords, sessions, sign_in, sign_up, users

if TYPE_CHECKING:
    from keywright.core.context import Context

AUTH: tuple[Callable[[Context], APIRouter], ...] = (
    sign_up.routes,
    sign_in.routes,
    passwords.routes,
    sessions.routes,
    me.auth_routes,
)
USERS: tuple[Callable[[Context], APIRouter], ...] = (me.users_routes, users.routes)
