"""The rules of accounts: create, find, change, disable, grant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from keywright.accounts.users import repository
from keywright.accounts.users.addresses import check_username, fold, fold_email
from keywright.accounts.users.errors import (
    EmailTaken,
    LastAdministrator,
    UsernameTaken,
    UserNotFound,
)
from keywright.accounts.users.models import UserRecord
from keywright.core.db import Handle, Transaction, UniqueViolation
from keywright.core.ids import new_id
from keywright.core.principal import UserStatus
from keywright.core.roles import ADMIN

GIVEN_BY_HAND = "manual"

find = repository.find
list_after = repository.list_after
set_verified = repository.set_verified


async def find_by_email(db: Handle, email: str) -> UserRecord | None:
    """The account of that address, in any spelling that folds to the same."""
    return await repository.find_by_email(db, fold_email(email))


async def get(db: Handle, user_id: UUID) -> UserRecord:
    record = await repository.find(db, user_id)
    if record is None:
        raise UserNotFound
    return record


async def create(
    tx: Transaction,
    *,
    email: str,
    password_hash: str | None,
    now: datetime,
    verified: bool,
    username: str | None = None,
    name: str | None = None,
    locale: str | None = None,
    profile: Mapping[str, Any] | None = None,
    sign_up_digest: bytes | None = None,
    roles: Iterable[str] = (),
) -> UserRecord:
    """Make the account. Raises `EmailTaken` or `UsernameTaken`; the race is settled by the row."""
    user_id = new_id(now)
    inserted = await repository.insert_unless_taken(
        tx,
        id=user_id,
        email=email,
        email_folded=fold_email(email),
        email_verified_at=now if verified else None,
        username=username,
        username_folded=fold(username) if username else None,
        name=name,
        locale=locale,
        password_hash=password_hash,
        password_changed_at=now if password_hash else None,
        status=UserStatus.ACTIVE,
        profile=dict(profile) if profile else None,
        sign_up_digest=sign_up_digest,
        created_at=now,
        updated_at=now,
    )
    if not inserted:
        await refuse_taken(tx, email, username)
    await repository.grant_roles(tx, user_id, roles, GIVEN_BY_HAND, now)
    return await get(tx, user_id)


async def refuse_taken(db: Handle, email: str, username: str | None) -> None:
    if await find_by_email(db, email) is None and username:
        raise UsernameTaken
    raise EmailTaken


async def username_is_taken(db: Handle, username: str) -> bool:
    return await repository.find_by_username(db, fold(username)) is not None


async def change_details(
    tx: Transaction, record: UserRecord, changes: Mapping[str, Any], now: datetime
) -> UserRecord:
    """Set `name`, `username`, `locale` or `profile` to what `changes` says."""
    wanted = {
        field: changes.get(field, getattr(record, field))
        for field in ("name", "username", "locale", "profile")
    }
    if wanted["username"] is not None:
        wanted["username"] = check_username(wanted["username"])
    folded = fold(wanted["username"]) if wanted["username"] else None
    try:
        changed = await repository.set_details(tx, record.id, now, username_folded=folded, **wanted)
    except UniqueViolation:
        raise UsernameTaken from None
    if not changed:
        raise UserNotFound
    return await get(tx, record.id)


async def set_password(tx: Transaction, user_id: UUID, password_hash: str, now: datetime) -> None:
    if not await repository.set_password(tx, user_id, password_hash, now):
        raise UserNotFound


async def renew_hash(db: Handle, record: UserRecord, new_hash: str) -> None:
    """Replace a hash of an older kind, unless the password was changed meanwhile."""
    if record.password_hash:
        await repository.replace_hash(db, record.id, record.password_hash, new_hash)


async def disable(tx: Transaction, user_id: UUID, now: datetime) -> None:
    await refuse_last_administrator(tx, user_id)
    await repository.set_status(tx, user_id, UserStatus.DISABLED, now)


async def enable(tx: Transaction, user_id: UUID, now: datetime) -> None:
    await repository.set_status(tx, user_id, UserStatus.ACTIVE, now)


async def grant_role(tx: Transaction, user_id: UUID, role: str, now: datetime) -> None:
    await repository.grant_roles(tx, user_id, [role], GIVEN_BY_HAND, now)


async def revoke_role(tx: Transaction, user_id: UUID, role: str) -> None:
    if role == ADMIN:
        await refuse_last_administrator(tx, user_id)
    await repository.revoke_role(tx, user_id, role, GIVEN_BY_HAND)


async def delete(tx: Transaction, user_id: UUID) -> None:
    await refuse_last_administrator(tx, user_id)
    if not await repository.delete(tx, user_id):
        raise UserNotFound


async def refuse_last_administrator(tx: Transaction, user_id: UUID) -> None:
    """Raise `LastAdministrator` if the account is the only active one that is left."""
    if await repository.lock_active_holders(tx, ADMIN) == [user_id]:
        raise LastAdministrator
