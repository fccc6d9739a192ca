"""The HTTP side of the stories: parse, tell the story, answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import APIRouter

from keywright.flows.routes import (
    deletion,
    email_changes,
    me,
    own_data,
    passwords,
    sessions,
    sign_in,
    sign_up,
    users,
)

if TYPE_CHECKING:
    from keywright.core.context import Context

AUTH: tuple[Callable[[Context], APIRouter], ...] = (
    sign_up.routes,
    sign_in.signing_in,
    sign_in.staying_signed_in,
    sign_in.reauthentication,
    passwords.routes,
    email_changes.routes,
    sessions.routes,
    own_data.my_events,
    own_data.my_export,
    deletion.routes,
    me.who_am_i,
)
USERS: tuple[Callable[[Context], APIRouter], ...] = (
    me.reading_my_account,
    me.editing_my_account,
    users.routes,
)
