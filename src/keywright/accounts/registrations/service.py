"""The rules of sign-ups that wait for proof of their address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from keywright.accounts.registrations import repository
from keywright.accounts.registrations.models import Registration
from keywright.accounts.users.addresses import fold_email
from keywright.core.db import Handle, Transaction
from keywright.core.hashing import matches, sha256
from keywright.core.ids import new_id

LIFETIME = timedelta(days=7)

find = repository.find
sweep = repository.sweep
drop_all_for = repository.drop_all_for


async def add(
    tx: Transaction,
    *,
    email: str,
    password_hash: str,
    browser_secret: str,
    now: datetime,
    username: str | None = None,
    name: str | None = None,
    locale: str | None = None,
    profile: Mapping[str, Any] | None = None,
) -> Registration:
    """A pending row of its own for each sign-up, bound to the browser (or client) that made it."""
    row = Registration(
        id=new_id(now),
        email=email,
        email_folded=fold_email(email),
        username=username,
        name=name,
        locale=locale,
        profile=dict(profile) if profile else None,
        password_hash=password_hash,
        browser_digest=sha256(browser_secret),
        created_at=now,
        expires_at=now + LIFETIME,
    )
    await repository.insert(tx, row)
    return row


async def find_for(
    db: Handle, email: str, browser_secret: str | None, now: datetime
) -> Registration | None:
    """The sign-up that this browser made at the address; else the newest one."""
    rows = await repository.list_for(db, fold_email(email), now)
    own = [row for row in rows if made_by(row, browser_secret)]
    return next(iter([*own, *rows]), None)


def made_by(row: Registration, browser_secret: str | None) -> bool:
    """Whether the browser that presents this secret is the one that signed up."""
    return browser_secret is not None and matches(row.browser_digest, browser_secret)
