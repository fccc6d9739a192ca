"""For tests of an application that uses Keywright; pytest loads it by itself.

    # pyproject.toml:  [tool.pytest.ini_options]  keywright = "myapp.main:kw"

    async def test_only_members_see_images(kw):
        async with kw.client(app) as client:
            assert (await client.get("/images")).status_code == 401
            await kw.sign_in(client, scopes=["images:read"])
            assert (await client.get("/images")).status_code == 200

Each test gets a database in memory that was migrated once for the run, a clock that stands still
until `kw.clock.advance(minutes=5)`, and an outbox that keeps the mails.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from keywright.accounts.users.models import UserRecord
    from keywright.core.db import Database
    from keywright.core.principal import User
    from keywright.integration import Keywright
    from keywright.outbox.channels.mail.message import MailMessage
    from keywright.outbox.delivery import Courier

TOKEN = re.compile(r"[?&]token=(\w+)")
LOOPBACK = ("127.0.0.1", 50_000)
DATA_DIR = "KEYWRIGHT_DATA_DIR"
CHEAP_HASHES = {"argon2_memory_kib": 8, "argon2_time_cost": 1}


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail as it went out. `token` is the one in its link."""

    to: str
    subject: str
    text: str
    html: str

    @property
    def token(self) -> str:
        found = TOKEN.search(self.text)
        if found is None:
            raise LookupError(f"The mail {self.subject!r} has no link with a token.")
        return found.group(1)


class Outbox:
    """The mails that a test caused."""

    def __init__(self) -> None:
        self._sent: list[SentMail] = []
        self.courier: Courier | None = None

    async def deliver(self, mail: MailMessage) -> None:
        self._sent.append(SentMail(mail.to.addr_spec, mail.subject, mail.text, mail.html))

    async def mails(self, to: str | None = None) -> list[SentMail]:
        """All that was sent (to one address), the oldest first. What waits is delivered first."""
        if self.courier is not None:
            await self.courier.drain()
        return [mail for mail in self._sent if to is None or mail.to == to]

    async def last(self, to: str | None = None) -> SentMail:
        mails = await self.mails(to)
        if not mails:
            raise LookupError("No mail was sent" + (f" to {to}." if to else "."))
        return mails[-1]


class KeywrightUnderTest:
    """The application's Keywright with a database, a clock and an outbox of this test's own."""

    def __init__(self, keywright: Keywright[Any], database: Database) -> None:
        from keywright.core.clock import ManualClock

        self.keywright = keywright
        self._runs = False
        self.clock = ManualClock()
        self.outbox = Outbox()
        keywright.refit(
            keywright.settings.model_copy(update=CHEAP_HASHES),
            database=database,
            clock=self.clock,
            transports=[self.outbox],
        )
        self.outbox.courier = keywright.parts.courier

    @asynccontextmanager
    async def client(self, app: Any, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
        """A client of `app` while Keywright runs, over httpx's ASGITransport.

        Further clients inside the first one's `async with` are other people's.
        """
        import httpx

        transport = httpx.ASGITransport(app=app, client=LOOPBACK)
        options.setdefault("base_url", self.keywright.settings.base_url)
        async with self.running(), httpx.AsyncClient(transport=transport, **options) as client:
            yield client

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keywright started, without background work; nothing more where it runs already."""
        from keywright.integration.lifecycle import running

        if self._runs:
            yield
            return
        async with running(self.keywright.parts, background=False):
            self._runs = True
            try:
                yield
            finally:
                self._runs = False

    async def create_user(
        self,
        email: str = "ada@example.com",
        *,
        password: str | None = None,
        verified: bool = True,
        roles: Sequence[str] = (),
        profile: dict[str, Any] | None = None,
    ) -> User[Any]:
        """An account, with a password where the test is about one."""
        from keywright.flows.results import present_user

        kw = self.keywright.context
        return present_user(kw, await self._create(email, password, verified, roles, profile))

    async def sign_in(
        self,
        client: httpx.AsyncClient,
        *,
        email: str = "ada@example.com",
        verified: bool = True,
        scopes: Sequence[str] = (),
        roles: Sequence[str] = (),
        profile: dict[str, Any] | None = None,
    ) -> User[Any]:
        """Sign `client` in as the account of `email`, made if it does not exist; no hashing.

        `roles` are given to an account that exists, too. With `scopes` the token may do these and
        no more; a role must permit them.
        """
        from keywright.core.web.caller import Caller
        from keywright.flows.open_session import open_session_for_api

        kw = self.keywright.context
        record = await self._find(email, roles)
        if record is None:
            record = await self._create(email, None, verified, roles, profile)
        scope = " ".join(scopes) or None
        permitted = kw.roles.of(record.role_names)
        if missing := [one for one in scopes if one not in permitted and "*" not in permitted]:
            raise LookupError(
                f"No role of {email} permits {' '.join(missing)}: name it in "
                "Keywright(permissions={'user': […]}), or sign in with roles=['admin']."
            )
        caller = Caller("127.0.0.1", "127.0.0.1", "pytest", "req_testing")
        tokens = await open_session_for_api(kw, record, caller, amr=("pwd",), scope=scope)
        client.headers["Authorization"] = f"Bearer {tokens.access_token}"
        return tokens.user

    async def _find(self, email: str, roles: Sequence[str]) -> UserRecord | None:
        from keywright.accounts.users import service as users

        kw = self.keywright.context
        record = await users.find_by_email(kw.db, email)
        if record is None or not roles:
            return record
        async with kw.db.transaction() as tx:
            for role in roles:
                await users.grant_role(tx, record.id, role, self.clock.now())
            await kw.notices.changed(tx, record.id, self.clock.now())
            return await users.get(tx, record.id)

    async def _create(
        self,
        email: str,
        password: str | None,
        verified: bool,
        roles: Sequence[str],
        profile: dict[str, Any] | None,
    ) -> UserRecord:
        from keywright.accounts.users import service as users

        kw = self.keywright.context
        hashed = (
            await kw.passwords.hash(password, network=None, account=email) if password else None
        )
        async with kw.db.transaction() as tx:
            return await users.create(
                tx,
                email=email,
                password_hash=hashed,
                now=self.clock.now(),
                verified=verified,
                roles=roles,
                profile=profile,
            )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("keywright", "where your Keywright is, for the kw fixture: module:name")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """An application's Keywright makes its data directory when it is imported: not in yours."""
    if not early_config.getini("keywright") or DATA_DIR in os.environ:
        return
    folder = tempfile.TemporaryDirectory(prefix="keywright-")
    os.environ[DATA_DIR] = folder.name

    def clean_up() -> None:
        del os.environ[DATA_DIR]
        folder.cleanup()

    early_config.add_cleanup(clean_up)


@pytest.fixture
def keywright_instance(request: pytest.FixtureRequest) -> Keywright[Any]:
    """The application's Keywright: the `keywright` ini setting names it; or override this."""
    from importlib import import_module

    place = request.config.getini("keywright")
    if not place:
        raise pytest.UsageError(
            'Tell pytest where your Keywright is: keywright = "myapp.main:kw" in its ini '
            "settings, or define a fixture `keywright_instance`."
        )
    module, _, name = str(place).partition(":")
    instance: Keywright[Any] = getattr(import_module(module), name or "kw")
    return instance


@pytest.fixture(scope="session")
def kw_database_image() -> bytes:
    """A migrated database in memory, as bytes: migrated once for the whole run."""
    import asyncio

    from keywright.core.db.sqlite import SqliteDatabase
    from keywright.migrations import upgrade

    async def make() -> bytes:
        db = SqliteDatabase()
        await db.open()
        await upgrade(db, "sqlite://")
        async with db.exclusive() as raw:
            image: bytes = raw.serialize()
        await db.close()
        return image

    with asyncio.Runner() as runner:
        return runner.run(make())


@pytest.fixture
def kw_database(kw_database_image: bytes) -> Database:
    """An empty, migrated database in memory. Keywright opens it."""
    from keywright.core.db.sqlite import SqliteDatabase

    return SqliteDatabase(image=kw_database_image)


@pytest.fixture
def kw(keywright_instance: Keywright[Any], kw_database: Database) -> KeywrightUnderTest:
    return KeywrightUnderTest(keywright_instance, kw_database)
