"""What the outbox's tests share: a moment, a row, mails with everything filled in."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from msgspec import Struct
from sqlalchemy.dialects import postgresql, sqlite

from keywright.core.clock import ManualClock
from keywright.core.context import Context
from keywright.core.crypto import MasterSecrets
from keywright.core.db import Database, Statement
from keywright.core.db.url import open_database
from keywright.core.settings import Settings
from keywright.outbox import service
from keywright.outbox.channels.mail.mailbox import DevelopmentMailbox
from keywright.outbox.channels.mail.mails import (
    AccountDeleted,
    AddressInUse,
    AddressKept,
    AlreadyRegistered,
    AnyMail,
    ConfirmDeletion,
    ConfirmEmailChange,
    DeletionCancelled,
    DeletionConfirmed,
    EmailChanged,
    NewSignIn,
    PasswordChanged,
    ResetPassword,
    SecurityNotice,
    VerifyEmail,
)
from keywright.outbox.channels.mail.message import MailMessage
from keywright.outbox.delivery import Courier
from keywright.outbox.models import Message
from keywright.outbox.routes import dev_mail_routes
from keywright.outbox.table import outbox
from parts.postgres import execute, run_apart

NOW = datetime(2026, 3, 4, 10, 43, tzinfo=UTC)
ROW_ID = UUID("019cb8a5-6b00-7abc-8def-0123456789ab")
TOKEN = "Zq3xTokenThatNobodyElseMaySee91"
ADA = "ada@example.test"

EVERY_MAIL: tuple[AnyMail, ...] = (
    VerifyEmail(
        to=ADA, at=NOW, network="203.0.113.7", token=TOKEN, expires_at=NOW + timedelta(days=1)
    ),
    AlreadyRegistered(to=ADA, at=NOW, network="203.0.113.7"),
    ResetPassword(
        to=ADA,
        at=NOW,
        network="203.0.113.7",
        device="Firefox on Windows",
        token=TOKEN,
        expires_at=NOW + timedelta(hours=1),
    ),
    PasswordChanged(to=ADA, at=NOW, network="203.0.113.7", device="Firefox on Windows"),
    ConfirmDeletion(
        to=ADA,
        at=NOW,
        network="203.0.113.7",
        device="Firefox on Windows",
        token=TOKEN,
        expires_at=NOW + timedelta(days=1),
    ),
    DeletionConfirmed(
        to=ADA,
        at=NOW,
        network="203.0.113.7",
        device="Firefox on Windows",
        token=TOKEN,
        expires_at=NOW + timedelta(days=14),
    ),
    DeletionCancelled(to=ADA, at=NOW, network="203.0.113.7", device="Firefox on Windows"),
    DeletionCancelled(to=ADA, at=NOW, by_administrator=True),
    AccountDeleted(to=ADA, at=NOW, expires_at=NOW + timedelta(days=3)),
    AccountDeleted(to=ADA, at=NOW, expires_at=NOW + timedelta(days=3), by_administrator=True),
    ConfirmEmailChange(to=ADA, at=NOW, token=TOKEN, expires_at=NOW + timedelta(hours=24)),
    EmailChanged(
        to=ADA,
        at=NOW,
        network="203.0.113.7",
        device="Firefox on Windows",
        new_email="ada@new.example.test",
        token=TOKEN,
        expires_at=NOW + timedelta(hours=72),
    ),
    AddressInUse(to=ADA, at=NOW),
    AddressKept(to=ADA, at=NOW, until=NOW + timedelta(hours=72)),
    NewSignIn(to=ADA, at=NOW, network="203.0.113.7", device="Firefox on Windows"),
    SecurityNotice(
        to=ADA,
        at=NOW,
        subject="A new API key was made",
        what="A new API key “deploy” was made for your account.",
    ),
)
RESET = EVERY_MAIL[2]


def row_message(*, row_id: UUID = ROW_ID) -> Message:
    return Message(id=row_id, kind="mail", payload={}, created_at=NOW, attempts=1, expires_at=None)


def plain_mail(to: str = ADA, *, subject: str = "Hello", row_id: UUID = ROW_ID) -> MailMessage:
    username, _, domain = to.rpartition("@")
    return MailMessage(
        id=row_id,
        sent_at=NOW,
        sender=Address("Example", "accounts", "example.test"),
        to=Address(username=username, domain=domain),
        subject=subject,
        text=f"Open https://accounts.example.test/reset-password?token={TOKEN} now.\n",
        html=f'<p style="color:#111">Open <a href="https://accounts.example.test/?token={TOKEN}">it</a></p>\n',
    )


def make_settings(tmp_path: Path, **changes: object) -> Settings:
    values: dict[str, object] = {
        "env": "development",
        "base_url": "https://accounts.example.test",
        "data_dir": tmp_path / "data",
        "app_name": "Example & Sons",
        "mail_from": "Example <accounts@example.test>",
    }
    return Settings(_env_file=None, **(values | changes))


def mailbox_app(settings: Settings, mailbox: DevelopmentMailbox) -> FastAPI:
    """The development mailbox alone: of the context its routes use the settings only."""
    app = FastAPI()
    context = cast("Context", SimpleNamespace(settings=settings, started=True))
    app.include_router(dev_mail_routes(context, mailbox))
    return app


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path)


SECRET = "a master secret of the outbox's tests, long enough"


@pytest.fixture
def secrets() -> MasterSecrets:
    return MasterSecrets(SECRET)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind with the outbox's table in it."""
    if request.param == "sqlite":
        return make_sqlite_table(tmp_path / "keywright.db")
    url: str = request.getfixturevalue("postgres_url")
    run_apart(execute(url, ";".join(table_ddl(postgresql.dialect()))))
    return url


def make_sqlite_table(path: Path) -> str:
    connection = sqlite3.connect(path)
    for line in table_ddl(sqlite.dialect()):
        connection.execute(line)
    connection.commit()
    connection.close()
    return f"sqlite:///{path}"


def table_ddl(dialect: sa.Dialect) -> list[str]:
    parts = [sa.schema.CreateTable(outbox), *map(sa.schema.CreateIndex, outbox.indexes)]
    return [str(part.compile(dialect=dialect)) for part in parts]


Opener = Callable[[], Awaitable[Database]]


@pytest.fixture
async def open_db(database_url: str) -> AsyncIterator[Opener]:
    """Further handles on the database, each as a process of its own would have it."""
    handles: list[Database] = []

    async def open_one() -> Database:
        db = open_database(database_url)
        await db.open()
        handles.append(db)
        return db

    yield open_one
    for db in handles:
        await db.close()


@pytest.fixture
async def db(open_db: Opener) -> Database:
    return await open_db()


@pytest.fixture
def courier(db: Database, secrets: MasterSecrets, clock: ManualClock) -> Courier:
    return Courier(db, secrets, clock)


async def put(
    db: Database,
    secrets: MasterSecrets,
    clock: ManualClock,
    payload: Mapping[str, Any] | None = None,
    *,
    kind: str = "note",
    **options: Any,
) -> UUID:
    """Enqueue one message in a transaction of its own."""
    async with db.transaction() as tx:
        return await service.enqueue(
            tx, secrets, kind=kind, payload=payload or {}, now=clock.now(), **options
        )


class LastError(Struct, frozen=True):
    last_error: str | None


LAST_ERROR = Statement(
    sa.select(outbox.c.last_error).where(outbox.c.id == sa.bindparam("id")), row=LastError
)


async def last_error(db: Database, message_id: UUID) -> str | None:
    row = await db.one(LAST_ERROR, id=message_id)
    assert row is not None
    return row.last_error


class Door:
    """A handler that counts what came through, and that can be closed."""

    def __init__(self) -> None:
        self.came: list[UUID] = []
        self.closed_with: Exception | None = None
        self.knocked = asyncio.Event()

    async def __call__(self, message: Message) -> None:
        self.knocked.set()
        if self.closed_with is not None:
            raise self.closed_with
        self.came.append(message.id)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for what another thread, task or log handler does."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - they set no event of ours
            await asyncio.sleep(0.01)
