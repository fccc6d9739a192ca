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
    sign_in.signing_in,
    sign_in.staying_signed_in,
    sign_in.reauthentication,
    passwords.routes,
    sessions.routes,
    me.who_am_i,
)
USERS: tuple[Callable[[Context], APIRouter], ...] = (
    me.reading_my_account,
    me.editing_my_account,
    users.routes,
)
