"""The rules of accounts: create, find, change, disable, grant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from keywright.accounts.users import repository
from keywright.accounts.users.addresses import (
    check_username,
    fold,
    fold_email,
    refuse_control_characters,
)
from keywright.accounts.users.errors import (
    EmailTaken,
    LastAdministrator,
    UsernameTaken,
    UserNotFound,
)
from keywright.accounts.users.models import UserFilter, UserPage, UserRecord
from keywright.accounts.users.reservations import service as reservations
from keywright.core.db import Handle, Transaction, UniqueViolation
from keywright.core.ids import new_id
from keywright.core.principal import SIGNING_IN, UserStatus
from keywright.core.roles import ADMIN, USER

GIVEN_BY_HAND = "manual"
NEWEST = UUID(int=2**128 - 1)

find = repository.find
find_facts = repository.find_facts
list_roles_given = repository.list_roles_given
list_after = repository.list_after
set_verified = repository.set_verified


async def find_by_email(db: Handle, email: str) -> UserRecord | None:
    """The account of that address, in any spelling that folds to the same."""
    return await repository.find_by_email(db, fold_email(email))


async def email_is_taken(db: Handle, email: str, now: datetime) -> bool:
    """Whether an account has the address, or left it and may still come back.

    For who asks beforehand; `create` and `set_email` settle it.
    """
    if await find_by_email(db, email) is not None:
        return True
    return await reservations.find(db, email, now) is not None


async def get(db: Handle, user_id: UUID) -> UserRecord:
    """The account. Raises `UserNotFound`, for a tombstone too."""
    record = await repository.find(db, user_id)
    if record is None or record.status is UserStatus.DELETED:
        raise UserNotFound
    return record


async def list_newest(
    db: Handle, wanted: UserFilter, *, limit: int, before: UUID | None = None
) -> UserPage:
    """The accounts that the filter lets through, by keyset: `before` is an account's id."""
    values = filter_values(wanted)
    rows = await repository.find_newest(db, values, before=before or NEWEST, size=limit + 1)
    items = tuple(rows[:limit])
    return UserPage(items, items[-1].id if len(rows) > limit else None)


async def count(db: Handle, wanted: UserFilter) -> int:
    return await repository.count(db, filter_values(wanted))


def filter_values(wanted: UserFilter) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = {}
    if wanted.search and (text := wanted.search.strip()):
        folded = fold_email(text) if "@" in text else fold(text)
        values["search"] = {"folded": containing(folded), "named": containing(text)}
    if wanted.role and wanted.role != USER:
        values["role"] = {"role": wanted.role}
    if wanted.status is not None:
        values["status"] = {"status": wanted.status}
    return values


def containing(text: str) -> str:
    """A LIKE pattern in which nothing of `text` means more than itself."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


async def lock(tx: Transaction, *user_ids: UUID) -> None:
    """Take one's turn to administer, and hold these accounts, until the transaction ends.

    Whoever changes another's account, or who administers, begins with this. Of these there is one
    at a time: the next one sees what the last one did, and only that one holds several accounts.
    What owners do holds their own alone (`hold`, a sign-in): so nobody waits in a circle.
    """
    await repository.take_turn_to_administer(tx)
    if user_ids:
        await repository.lock(tx, user_ids)


async def hold(tx: Transaction, user_id: UUID) -> None:
    """Hold one account until the transaction ends: what its owner does comes one by one.

    For who locks nothing else; administering begins with `lock`.
    """
    await repository.lock(tx, (user_id,))


async def hold_at(tx: Transaction, email: str) -> UserRecord | None:
    """The account that has this address, held: a change of it that is being committed comes
    first, and what is mailed then goes nowhere else.
    """
    found = await find_by_email(tx, email)
    if found is None:
        return None
    await hold(tx, found.id)
    held = await find(tx, found.id)
    return held if held is not None and held.email_folded == fold_email(email) else None


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
        notifications=None,
    )
    if not inserted:
        await refuse_taken(tx, email, username)
    await reservations.refuse_reserved(tx, email, user_id, now)
    for role in roles:
        await grant_role(tx, user_id, role, now)
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
    """Set `name`, `username`, `locale`, `profile` or `notifications` to what `changes` says.

    Raises `InvalidInput`, `InvalidUsername`, `UsernameTaken`, and `UserNotFound` when the account's
    status is not any more what `record` says.
    """
    refuse_control_characters(changes.get("name"))
    wanted = {
        field: changes.get(field, getattr(record, field))
        for field in ("name", "username", "locale", "profile", "notifications")
    }
    if wanted["username"] is not None:
        wanted["username"] = check_username(wanted["username"])
    folded = fold(wanted["username"]) if wanted["username"] else None
    try:
        changed = await repository.set_details(
            tx, record.id, now, status=record.status, username_folded=folded, **wanted
        )
    except UniqueViolation:
        raise UsernameTaken from None
    if not changed:
        raise UserNotFound
    return await get(tx, record.id)


async def set_email(tx: Transaction, user_id: UUID, email: str, now: datetime) -> UserRecord:
    """The account's address from now on, which its owner has just proven.

    Raises `EmailTaken`, also for an address that is kept for another account, and `UserNotFound`
    for an account that may not sign in.
    """
    owner = await find_by_email(tx, email)
    if owner is not None and owner.id != user_id:
        raise EmailTaken  # before the write, where two who want each other's would wait in a circle
    try:
        changed = await repository.set_email(tx, user_id, email, fold_email(email), now)
    except UniqueViolation:
        raise EmailTaken from None
    if not changed:
        raise UserNotFound
    await reservations.refuse_reserved(tx, email, user_id, now)
    return await get(tx, user_id)


async def drop_password(tx: Transaction, user_id: UUID, now: datetime) -> None:
    """No password signs in any more, and no device is known, until a reset sets another."""
    await repository.drop_password(tx, user_id, now)


async def set_password(tx: Transaction, user_id: UUID, password_hash: str, now: datetime) -> None:
    if not await repository.set_password(tx, user_id, password_hash, now):
        raise UserNotFound


async def renew_hash(db: Handle, record: UserRecord, new_hash: str) -> None:
    """Replace a hash of an older kind, unless the password was changed meanwhile."""
    if record.password_hash:
        await repository.replace_hash(db, record.id, record.password_hash, new_hash)


async def disable(tx: Transaction, user_id: UUID, now: datetime) -> None:
    await refuse_last_administrator(tx, user_id)
    for status in SIGNING_IN:
        await repository.set_status(tx, user_id, status, UserStatus.DISABLED, now)


async def enable(tx: Transaction, user_id: UUID, now: datetime, *, closing: bool) -> None:
    """`closing`: the deletion that its owner confirmed before still stands."""
    status = UserStatus.CLOSING if closing else UserStatus.ACTIVE
    await repository.set_status(tx, user_id, UserStatus.DISABLED, status, now)


async def begin_closing(tx: Transaction, user_id: UUID, now: datetime) -> bool:
    """From now on its owner may do little but take it back. False unless it is active.

    After `lock`. Raises `LastAdministrator`.
    """
    await refuse_last_administrator(tx, user_id)
    return await repository.set_status(tx, user_id, UserStatus.ACTIVE, UserStatus.CLOSING, now)


async def reopen(tx: Transaction, user_id: UUID, now: datetime) -> None:
    """As it was before `begin_closing`. An account that was disabled meanwhile stays so."""
    await repository.set_status(tx, user_id, UserStatus.CLOSING, UserStatus.ACTIVE, now)


async def grant_role(tx: Transaction, user_id: UUID, role: str, now: datetime) -> None:
    """Nothing is written of `user`, which everybody holds."""
    if role != USER:
        await repository.grant_role(tx, user_id, role, GIVEN_BY_HAND, now)


async def revoke_role(tx: Transaction, user_id: UUID, role: str) -> bool:
    """Take away what was given by hand. False for a role that has another source, or none."""
    if role == ADMIN:
        await refuse_last_administrator(tx, user_id)
    return await repository.revoke_role(tx, user_id, role, GIVEN_BY_HAND)


async def erase(tx: Transaction, user_id: UUID, now: datetime) -> None:
    """Leave a tombstone, so that a host's foreign keys hold; the address may sign up again."""
    await refuse_last_administrator(tx, user_id)
    if not await repository.erase(tx, user_id, placeholder_of(user_id), now):
        raise UserNotFound


def placeholder_of(user_id: UUID) -> str:
    """Stands where the e-mail address was. No address folds to it, for folding leaves no capital,
    so nobody finds it by typing it; and it is none that mail could go to.
    """
    return f"DELETED:{user_id}"


async def has_administrator(db: Handle) -> bool:
    """Whether somebody can administer: an active account with the role."""
    return bool(await repository.find_active_holders(db, ADMIN, 1))


async def refuse_last_administrator(tx: Transaction, user_id: UUID) -> None:
    """Raise `LastAdministrator` if the account is the only active one that is left.

    After `lock`: else another might go at the same moment.
    """
    if await repository.find_active_holders(tx, ADMIN, 2) == [user_id]:
        raise LastAdministrator
