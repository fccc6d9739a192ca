"""The rules of mailed tokens (security.md, "Mailed and shown secrets")."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from keywright.accounts.link_tokens import repository
from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.accounts.link_tokens.models import LinkPurpose, LinkToken
from keywright.core.db import Handle, Transaction
from keywright.core.hashing import sha256
from keywright.core.ids import new_id, new_secret

LIFETIME = {
    LinkPurpose.VERIFY_EMAIL: timedelta(hours=24),
    LinkPurpose.RESET_PASSWORD: timedelta(hours=1),
    LinkPurpose.CHANGE_EMAIL: timedelta(hours=24),
    LinkPurpose.UNDO_EMAIL_CHANGE: timedelta(hours=72),
    LinkPurpose.CONFIRM_DELETION: timedelta(hours=24),
}
TOKEN_BITS = 192

drop_purpose = repository.drop_for_user
find_newest = repository.find_newest
list_open = repository.list_open
forget = repository.forget
sweep = repository.sweep


async def create(
    tx: Transaction,
    *,
    purpose: LinkPurpose,
    now: datetime,
    user_id: UUID | None = None,
    registration_id: UUID | None = None,
    email: str | None = None,
    session_id: UUID | None = None,
    expires_at: datetime | None = None,
) -> tuple[str, datetime]:
    """A new token and when it expires: by its purpose, where that is not said. Only its digest is
    stored.
    """
    token, expires_at = new_secret(TOKEN_BITS), expires_at or now + LIFETIME[purpose]
    await repository.insert(
        tx,
        id=new_id(now),
        purpose=purpose,
        user_id=user_id,
        registration_id=registration_id,
        email=email,
        session_id=session_id,
        digest=sha256(token),
        created_at=now,
        expires_at=expires_at,
    )
    return token, expires_at


async def peek(db: Handle, token: str, purpose: LinkPurpose, now: datetime) -> LinkToken:
    """What the token is good for, without using it. Raises `InvalidLink`."""
    found = await repository.peek(db, sha256(token), purpose, now)
    if found is None:
        raise InvalidLink
    return found


async def use(tx: Transaction, token: str, purpose: LinkPurpose, now: datetime) -> LinkToken:
    """Use the token up: one conditional UPDATE, so of racing uses one wins. Or `InvalidLink`."""
    found = await repository.use(tx, sha256(token), purpose, now)
    if found is None:
        raise InvalidLink
    return found


async def drop_all(tx: Transaction, user_id: UUID) -> None:
    """All tokens of a person die when a password or an e-mail address changes, but those that
    `outlives_changes` names. `forget` spares none.
    """
    for purpose in LinkPurpose:
        if not outlives_changes(purpose):
            await repository.drop_for_user(tx, user_id, purpose)


def outlives_changes(purpose: LinkPurpose) -> bool:
    """Who took an account over cannot make the links useless that give it back and keep it."""
    return purpose in {LinkPurpose.UNDO_EMAIL_CHANGE, LinkPurpose.CANCEL_DELETION}


async def drop_undos_since(tx: Transaction, user_id: UUID, since: datetime) -> None:
    """The links that would undo this change or a later one die; those of earlier ones stay."""
    await repository.drop_since(tx, user_id, LinkPurpose.UNDO_EMAIL_CHANGE, since)


async def list_undos(db: Handle, user_id: UUID, now: datetime) -> list[LinkToken]:
    """The links that would still undo a change of this account's address, the oldest first."""
    return await repository.list_for_user(db, user_id, LinkPurpose.UNDO_EMAIL_CHANGE, now)
