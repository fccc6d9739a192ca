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
}
TOKEN_BITS = 192

sweep = repository.sweep


async def create(
    tx: Transaction,
    *,
    purpose: LinkPurpose,
    now: datetime,
    user_id: UUID | None = None,
    registration_id: UUID | None = None,
) -> tuple[str, datetime]:
    """A new token and when it expires. Only its digest is stored."""
    token, expires_at = new_secret(TOKEN_BITS), now + LIFETIME[purpose]
    await repository.insert(
        tx,
        id=new_id(now),
        purpose=purpose,
        user_id=user_id,
        registration_id=registration_id,
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
    """All tokens of a person die when a password or an e-mail address changes."""
    for purpose in LinkPurpose:
        await repository.drop_for_user(tx, user_id, purpose)
