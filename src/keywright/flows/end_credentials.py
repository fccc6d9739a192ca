"""Whatever opens an account stops opening it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from keywright.accounts.link_tokens import service as link_tokens
from keywright.core.db import Transaction
from keywright.core.notices import Subject
from keywright.flows.manage_sessions import end_every_session

if TYPE_CHECKING:
    from keywright.core.context import Context


async def end_every_credential(kw: Context, tx: Transaction, user_id: UUID) -> int:
    """After the account's row is locked, so that no sign-in can slip in behind the notice."""
    now = kw.clock.now()
    await kw.notices.revoke(tx, Subject.USER, user_id, now)
    await link_tokens.drop_all(tx, user_id)
    return await end_every_session(kw, tx, user_id)
