"""What takes a defence's place where "let everything through" needs more than a line.

Each is given the defence itself: `replace = "__import__('parts.sabotaged').sabotaged.name(original)"`
in `tests/security/rules.toml`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from starlette.middleware.cors import CORSMiddleware

from keywright.accounts.link_tokens import repository as links
from keywright.accounts.link_tokens import service as link_service
from keywright.accounts.link_tokens.models import LinkPurpose
from keywright.accounts.passwords import throttle
from keywright.accounts.passwords.errors import Overloaded
from keywright.accounts.registrations import repository as registrations
from keywright.accounts.users.addresses import fold_email
from keywright.accounts.users.errors import UserNotFound
from keywright.accounts.users.models import UserRecord
from keywright.accounts.users.service import find_by_email
from keywright.accounts.users.table import users
from keywright.core.db import Statement
from keywright.core.errors import KeywrightError, SessionEnded
from keywright.core.hashing import sha256
from keywright.core.ids import random_bytes
from keywright.core.ratelimit.defaults import SIGN_UP_MAIL
from keywright.flows.routes.schemas import RefreshBody
from keywright.flows.sign_up import create_unproven_account
from keywright.outbox.channels.mail.mails import SecurityNotice
from keywright.sessions import repository as sessions
from keywright.sessions.refresh_token import (
    BODY,
    SALT_BYTES,
    RefreshToken,
    decode,
    read_refresh_token,
    write_refresh_token,
)
from keywright.sessions.service import replace_page_secret
from keywright.sessions.table import sessions as session_table

Defence = Callable[..., Any]
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
p = sa.bindparam


# Sessions


def page_session_that_refreshes(original: Defence) -> Defence:
    """A page session with a refresh family, whose salt its digest gives away."""

    def new_page_session(*arguments: Any, **options: Any) -> Any:
        session, secret = original(*arguments, **options)
        salt = session.page_digest[:SALT_BYTES]
        return msgspec.structs.replace(session, refresh_salt=salt), secret

    return new_page_session


def find_by_refresh_token_too(original: Defence) -> Defence:
    """Pages that take the API's refresh token for their cookie."""

    async def find_by_page_secret(db: Any, settings: Any, secret: str, now: datetime) -> Any:
        raw = decode(secret)
        if raw is None:
            return await original(db, settings, secret, now)
        return await sessions.find(db, UUID(bytes=raw[5:21]))

    return find_by_page_secret


def read_page_secret_too(original: Defence) -> Defence:
    """Refreshing that takes a page's cookie for a token."""

    async def refresh(
        db: Any, secrets: Any, settings: Any, presented: str, now: datetime, **more: Any
    ) -> Any:
        session = await sessions.find_by_page_digest(db, sha256(presented), now)
        if session is None:
            return await original(db, secrets, settings, presented, now, **more)
        salt = random_bytes(SALT_BYTES)
        await db.run(GIVE_FAMILY, session_id=session.id, salt=salt)
        token = write_refresh_token(secrets, RefreshToken(session.id, 1, salt))
        return await original(db, secrets, settings, token, now, **more)

    return refresh


GIVE_FAMILY = Statement(
    sa.update(session_table)
    .where(session_table.c.id == p("session_id"))
    .values(refresh_salt=p("salt"), refresh_generation=1)
)


def the_same_session_again(original: Defence) -> Defence:
    """Signing in that goes on with the session of the last time."""
    opened: dict[UUID, UUID] = {}

    async def insert(db: Any, row: Any) -> None:
        known = opened.setdefault(row.user_id, row.id)
        if known != row.id:
            await db.run(sessions.END, id=known, user_id=row.user_id)
        await original(db, msgspec.structs.replace(row, id=known))

    return insert


def read_unproven(text: str) -> RefreshToken | None:
    """Whatever a refresh token says, whoever wrote it."""
    raw = decode(text)
    if raw is None:
        return None
    _, _, family, generation, salt = BODY.unpack(raw[: BODY.size])
    return RefreshToken(UUID(bytes=family), generation, salt)


def rotate_whatever_the_salt(original: Defence) -> Defence:
    async def rotate(db: Any, *, id: UUID, salt: bytes, **values: Any) -> Any:  # noqa: A002 - the defence's own name
        session = await sessions.find(db, id)
        return await original(db, id=id, salt=session and session.refresh_salt, **values)

    return rotate


def found_at_any_time(original: Defence) -> Defence:
    async def find(db: Any, digest: bytes, now: datetime) -> Any:
        return await original(db, digest, LONG_AGO)

    return find


def rotate_without_expiry(original: Defence) -> Defence:
    async def rotate(db: Any, **values: Any) -> Any:
        return await original(db, **{**values, "now": LONG_AGO})

    return rotate


def rotate_the_stored_generation_alone(original: Defence) -> Defence:
    """The usual compare-and-swap, which no restored database ever matches again."""

    async def rotate(db: Any, *, id: UUID, presented: int, **values: Any) -> Any:  # noqa: A002 - the defence's own name
        session = await sessions.find(db, id)
        if session is None or session.refresh_generation != presented:
            return None
        return await original(db, id=id, presented=presented, **values)

    return rotate


def rotate_for_anybody(original: Defence) -> Defence:
    """Without a look at the account."""

    async def rotate(db: Any, *, id: UUID, **values: Any) -> Any:  # noqa: A002 - the defence's own name
        session = await sessions.find(db, id)
        assert session is not None
        await db.run(SET_ACTIVE, user_id=session.user_id)
        return await original(db, id=id, **values)

    return rotate


def find_for_anybody(original: Defence) -> Defence:
    """A page's session, without a look at the account."""

    async def find_by_page_digest(db: Any, digest: bytes, now: datetime) -> Any:
        await db.run(SET_ALL_ACTIVE)
        return await original(db, digest, now)

    return find_by_page_digest


SET_ACTIVE = Statement(sa.update(users).where(users.c.id == p("user_id")).values(status="active"))
SET_ALL_ACTIVE = Statement(sa.update(users).values(status="active"))


def accept_without_session(original: Defence) -> Defence:
    """Whoever is named, whether or not a session stands behind the token."""

    async def from_token(self: Any, token: str) -> Any:
        claims = await self.verify(token)
        if claims.sid is not None:
            return await original(self, token)
        user = await self.find_user(UUID(claims.sub))
        return self.principal(user, "session", UUID(int=0), (), None)

    return from_token


# Mailed links


def for_any_purpose(original: Defence) -> Defence:
    """`peek` and `use` of a mailed token, whatever it was mailed for."""

    def for_any(look: Defence) -> Defence:
        async def find(db: Any, digest: bytes, purpose: LinkPurpose, now: datetime) -> Any:
            for each in (purpose, *LinkPurpose):
                if found := await look(db, digest, each, now):
                    return found
            return None

        return find

    links.use = for_any(links.use)
    return for_any(original)


def at_any_time(original: Defence) -> Defence:
    """`peek` and `use` of a mailed token, however old it is."""

    def at_any(look: Defence) -> Defence:
        async def find(db: Any, digest: bytes, purpose: LinkPurpose, now: datetime) -> Any:
            return await look(db, digest, purpose, LONG_AGO)

        return find

    links.use = at_any(links.use)
    return at_any(original)


def any_number_of_times(original: Defence) -> Defence:
    """`use` that only looks, where nothing else throws the token away."""
    links.drop_for_user = keep
    return link_service.peek


async def keep(*_: Any, **__: Any) -> None:
    """Instead of dropping something."""


def found_without_account(original: Defence) -> Defence:
    """A reset that never looks at the account's state."""

    async def preview_reset(kw: Any, token: str) -> Any:
        await kw.db.run(SET_ALL_ACTIVE)
        return await original(kw, token)

    return preview_reset


# Known and unknown addresses


def look_first(original: Defence) -> Defence:
    """Ask for a mail only where somebody would get it: quicker, and telling."""

    async def ask(kw: Any, email: str, caller: Any) -> None:
        if await find_by_email(kw.db, email) is not None:
            await original(kw, email, caller)

    return ask


def look_first_at_sign_up(original: Defence) -> Defence:
    async def remember(kw: Any, form: Any, *rest: Any) -> None:
        if await find_by_email(kw.db, form.email) is None:
            await original(kw, form, *rest)

    return remember


def open_for_the_disabled(original: Defence) -> Defence:
    """Neither the form nor the write looks at the account's status."""
    UserRecord.may_sign_in = property(lambda self: True)
    return keep


def say_who_is_unknown(original: Defence) -> Defence:
    async def find(db: Any, email: str) -> Any:
        user = await original(db, email)
        if user is None:
            raise UserNotFound
        return user

    return find


def create_at_once(original: Defence) -> Defence:
    """An account, with a session, before anybody proved the address."""
    return create_unproven_account


def find_the_oldest(original: Defence) -> Defence:
    """Whichever link is opened, the first sign-up at its address counts."""

    async def find(db: Any, registration_id: UUID, now: datetime) -> Any:
        row = await original(db, registration_id, now)
        return row and (await registrations.list_for(db, row.email_folded, now))[-1]

    return find


def refuse_pending_of_unknown_alone(original: Defence) -> Defence:
    """Tells whether there is an account: its sign-ups are not looked at."""

    async def refuse_pending(kw: Any, form: Any, caller: Any, **options: Any) -> None:
        if await find_by_email(kw.db, form.email) is None:
            await original(kw, form, caller, **options)

    return refuse_pending


def mail_what_was_typed(original: Defence) -> Defence:
    """Greet people by the name that somebody gave them."""

    async def mail(kw: Any, tx: Any, registration: Any) -> None:
        await original(kw, tx, registration)
        notice = SecurityNotice(
            to=registration.email,
            at=kw.clock.now(),
            subject="Welcome",
            what=f"Hello {registration.name} {registration.username}",
        )
        await kw.outbox.mail(tx, notice)

    return mail


def mail_to_the_folded_address(original: Defence) -> Defence:
    """Write to the form that addresses are looked up by."""

    async def find(db: Any, email: str) -> Any:
        user = await original(db, email)
        return user and msgspec.structs.replace(user, email=fold_email(email))

    return find


# Browsers


def answer_none_for_ended(original: Defence) -> Defence:
    """A bad token is forgiven for a good cookie."""

    async def judge(self: Any, request: Any) -> Any:
        try:
            return await original(self, request)
        except SessionEnded:
            raise
        except KeywrightError:
            secret = self._cookie.read(request)
            return await self.from_page_cookie(secret) if secret else None

    return judge


def admit_every_origin(original: Defence) -> Defence:
    def admit(self: CORSMiddleware, app: Any, settings: Any) -> None:
        everybody = {"allow_origin_regex": ".*", "allow_credentials": True}
        CORSMiddleware.__init__(self, app, allow_methods=["*"], **everybody)

    return admit


def plain_cookie(original: Defence) -> Defence:
    """Readable by scripts, and sent along with everything."""

    def write(self: Any, response: Any, value: str, *, max_age: int | None) -> None:
        response.set_cookie(self.full_name, value, max_age=max_age)

    return write


# Tries


def count_by_the_whole_cookie(original: Defence) -> Defence:
    """In any case of its letters, with blanks in between: as `bytes.fromhex` reads it."""

    def find_device(secrets: Any, cookie: str | None, user: Any) -> str | None:
        known = original(secrets, "".join((cookie or "").split()), user)
        device_id, _, mac = (cookie or "").partition(".")
        known = known or original(secrets, f"{device_id}.{''.join(mac.split()).lower()}", user)
        return cookie if known else None

    return find_device


def bind_by_text(secrets: Any, cookie: str | None, user: Any) -> str | None:
    """A cookie counts for whoever's address ends like its own."""
    device_id, _, _ = (cookie or "").rpartition(".")
    return cookie if user is not None and device_id.endswith("x") else None


def give_the_guess_back(original: Defence) -> Defence:
    async def refuse_pending(kw: Any, form: Any, caller: Any, **options: Any) -> None:
        try:
            await original(kw, form, caller, **options)
        except Overloaded:
            account = options["account"]
            await throttle.refund_attempt(kw.db, account=account, device=None, now=kw.clock.now())
            raise

    return refuse_pending


def one_budget_for_all_mail(original: Defence) -> Defence:
    async def mail_allowed(self: Any, handle: Any, folded_address: str, budget: Any) -> bool:
        return await original(self, handle, folded_address, SIGN_UP_MAIL)

    return mail_allowed


def read_any_refresh_body(body: bytes) -> Any:
    return RefreshBody.model_construct(**(msgspec.json.decode(body) if body.strip() else {}))


def write_before_issuing(original: Defence) -> Defence:
    """Proving oneself again that replaces the page's cookie whether or not there is an answer."""

    async def issue_renewed(kw: Any, session_id: UUID, now: datetime) -> Any:
        await replace_page_secret(kw.db, session_id, now)
        return await original(kw, session_id, now)

    return issue_renewed


def find_whatever_the_generation(original: Defence) -> Defence:
    """Asks the application for whoever shows any token of a family."""

    async def find_refreshable(db: Any, secrets: Any, presented: str, now: datetime) -> Any:
        token = read_refresh_token(secrets, presented)
        return token and await sessions.find_with_user(db, token.family, now)

    return find_refreshable


def find_without_scope(original: Defence) -> Defence:
    async def find_with_user(*arguments: Any) -> Any:
        row = await original(*arguments)
        return row and msgspec.structs.replace(row, scope=None)

    return find_with_user


# The database


def commit_a_while_later(original: Defence) -> Defence:
    """Everybody is answered, and what they wrote is on its way."""

    async def commit(self: Any) -> None:
        asyncio.get_running_loop().call_later(0.3, self.connection.command, "COMMIT")

    return commit


async def hooks_with_all_the_time(self: Any, tx: Any, event: Any) -> None:
    for hook in self._on.get(type(event), ()):
        await hook(event, tx)
