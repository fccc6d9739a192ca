"""`kill -9` in the middle of everything: what was acknowledged is found, and nothing by half.

KEYWRIGHT_TEST_SEED=… repeats the choices of a run, which its table names.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random

import anyio
import asyncpg
import pytest
from parts.books import Books, end_leases, everything_is_delivered, read_books
from parts.outages import eventually
from parts.residents import Letters, Resident
from parts.run_tables import tally
from parts.server import START_SECONDS, RunningServer, keywright_server, start_keywright
from parts.tables import opened

from keywright.audit.models import AuditEvent

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300), pytest.mark.usefixtures("quick_starts")]
KILLS = 20
KILLS_AT_THE_START = 2
LANES = 8
SECRET = "the master secret of the server that is killed"


class Town:
    """Eight people at a time, at whichever server runs; who has settled makes room for another."""

    def __init__(self, dice: Random, letters: Letters) -> None:
        self.dice = dice
        self.letters = letters
        self.residents: list[Resident] = []
        self._interrupted: list[Resident] = []
        self._answers_to_come = 0
        self._enough = asyncio.Event()

    async def live_until_killed(self, server: RunningServer) -> None:
        """`kill -9` shortly after an answer, with up to eight requests under way."""
        self._answers_to_come = self.dice.randint(1, 30)
        self._enough.clear()
        lanes = [asyncio.ensure_future(self._lane(server.base_url)) for _ in range(LANES)]
        enough = asyncio.ensure_future(self._enough.wait())
        await asyncio.wait([*lanes, enough], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(self.dice.uniform(0, 0.01))
        server.kill()
        for task in (*lanes, enough):
            task.cancel()
        for outcome in await asyncio.gather(*lanes, return_exceptions=True):
            if not isinstance(outcome, asyncio.CancelledError):
                raise outcome

    async def settle(self, base_url: str) -> None:
        """Everybody finishes what they had begun."""
        await asyncio.gather(*(self._live(one, base_url) for one in self._interrupted))

    async def _lane(self, base_url: str) -> None:
        while True:
            resident = self._interrupted.pop() if self._interrupted else self._newcomer()
            try:
                await self._live(resident, base_url)
            finally:
                if not resident.settled:
                    self._interrupted.append(resident)

    async def _live(self, resident: Resident, base_url: str) -> None:
        async with resident.at(base_url):
            await resident.live()

    def _newcomer(self) -> Resident:
        number = len(self.residents)
        newcomer = Resident(number, Random(f"{self.dice.random()}"), self.letters)
        newcomer.on_answer = self._count_answer
        self.residents.append(newcomer)
        return newcomer

    def _count_answer(self) -> None:
        self._answers_to_come -= 1
        if self._answers_to_come == 0:
            self._enough.set()


# The tests


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path / 'data' / 'keywright.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


def settings_for(place: str, mail_url: str) -> dict[str, str]:
    return {
        "BASE_URL": "http://127.0.0.1",
        "DATABASE_URL": place,
        "MAIL_URL": mail_url,
        "MAX_SESSIONS": "1000",
        "RATE_LIMITS": "off",
        "SECRET_KEY": SECRET,
        "TRUSTED_PROXIES": "127.0.0.1/32",
    }


async def test_what_was_acknowledged_outlives_kill_9(place, start_smtp, tmp_path, request):
    seed = a_seed()
    smtp = start_smtp(tls="none", with_auth=False)
    settings = settings_for(place, smtp.url)
    town = Town(Random(seed), Letters(smtp))
    (tmp_path / "data").mkdir()
    for _ in range(KILLS_AT_THE_START):
        await kill_amid_start(tmp_path, settings, town.dice.uniform(0, 0.15))
    for _ in range(KILLS):
        async with serving(tmp_path, settings) as server:
            await town.live_until_killed(server)
    async with serving(tmp_path, settings) as server:
        await town.settle(server.base_url)
        async with opened(place) as db:
            await eventually(partial(everything_is_delivered, db), within=START_SECONDS)
            books = await read_books(db)
        told, found = await survey(town, books, server.base_url)
    name = request.node.callspec.id
    for what in told:
        counts = {"acknowledged": told[what], "found": found[what]}
        tally(request, f"{KILLS} x kill -9 on {name}, seed {seed}", what, counts)
    expect_nothing_by_half(town, books)
    assert not [each for one in town.residents for each in one.complaints]
    assert found == told


def a_seed() -> str:
    """Printed, so that a test that fails can be repeated."""
    seed = os.environ.get("KEYWRIGHT_TEST_SEED") or secrets.token_hex(4)
    print(f"KEYWRIGHT_TEST_SEED={seed}")  # noqa: T201 - its report shows it
    return seed


@asynccontextmanager
async def serving(folder: Path, settings: dict[str, str]) -> AsyncIterator[RunningServer]:
    with keywright_server(folder, settings) as server:
        async with opened(settings["DATABASE_URL"]) as db:
            await end_leases(db)
        yield server


async def survey(town: Town, books: Books, base_url: str) -> tuple[Counter[str], Counter[str]]:
    """What was acknowledged to everybody, and what of it they find."""
    told: Counter[str] = Counter()
    found: Counter[str] = Counter()
    signed_up = [one for one in town.residents if one.told["sign-ups"]]
    for resident in signed_up:
        told += acknowledged_to(resident)
        found += read_about(resident, books)

    async def look(some: list[Resident]) -> None:
        for resident in some:
            async with resident.at(base_url):
                found.update(await resident.looks())

    await asyncio.gather(*(look(signed_up[lane::LANES]) for lane in range(LANES)))
    return told, found


def acknowledged_to(resident: Resident) -> Counter[str]:
    session, told = resident.session, resident.told
    return told + Counter(
        {
            "open sessions": int(session is not None),
            "refreshes of open sessions": session.refreshes if session else 0,
            "mails": told["sign-ups"] + told["password changes"],
        }
    )


def read_about(resident: Resident, books: Books) -> Counter[str]:
    """What later acts cover up is read from the record that its own transaction wrote."""
    session, changes_told = resident.session, resident.told["password changes"]
    rotations = min(books.rotations(session.id), session.refreshes) if session else 0
    user_id = books.accounts.get(resident.email)
    signed_in = books.sessions(AuditEvent.SIGNED_IN)
    changes = books.subjects(AuditEvent.PASSWORD_CHANGED)[user_id]
    links = len(resident.letters.links_to(resident.email))
    notices = resident.letters.notices_to(resident.email)
    return Counter(
        {
            "sign-ins": sum(one.id in signed_in for one in resident.opened),
            "password changes": min(changes, changes_told),
            "refreshes of open sessions": rotations,
            "mails": min(links, 1) + min(notices, changes_told),
        }
    )


def expect_nothing_by_half(town: Town, books: Books) -> None:
    """Of every transaction all is there or nothing, also where no answer came."""
    signed_up = books.addresses(AuditEvent.REGISTERED)
    changes = books.subjects(AuditEvent.PASSWORD_CHANGED)
    assert signed_up == Counter([*books.accounts, *books.waiting])
    assert books.waiting.isdisjoint(books.accounts)
    assert books.subjects(AuditEvent.EMAIL_VERIFIED) == Counter(books.accounts.values())
    assert set(books.generations) <= books.sessions(AuditEvent.SIGNED_IN)
    for resident in town.residents:
        letters, email = resident.letters, resident.email
        assert len(letters.links_to(email)) == signed_up[email]
        assert letters.notices_to(email) == changes[books.accounts.get(email)]


async def kill_amid_start(folder: Path, settings: dict[str, str], moment: float) -> None:
    """That many seconds after it began to make its database."""
    server = start_keywright(folder, settings)
    try:
        await eventually(partial(is_in_use, settings["DATABASE_URL"]), within=START_SECONDS)
        await asyncio.sleep(moment)
    finally:
        server.kill()


async def is_in_use(place: str) -> bool:
    if place.startswith("sqlite"):
        return await anyio.Path(place.removeprefix("sqlite:///")).exists()
    connection = await asyncpg.connect(place)
    try:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        return await connection.fetchval(others) > 1
    finally:
        await connection.close()
