"""People who live with a server that is killed now and then, and remember what it answered them."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from random import Random
from uuid import UUID

import httpx

from parts.house import BY_PROGRAM, Native, claims_of, expect, problem
from parts.outages import eventually
from parts.server import START_SECONDS
from parts.smtp import Received, SmtpServer

FIRST_PASSWORD = "many quiet lanterns"
GRACE_SECONDS = 8  # the server has 10 for a refresh whose answer was lost
LINK_TOKEN = re.compile(r"verify-email\?token=([\w-]+)")


class Letters:
    """What arrived at the mail server, by address. One copy counts: delivery is at least once."""

    def __init__(self, smtp: SmtpServer) -> None:
        self._smtp = smtp
        self._sorted = 0
        self._by_address: dict[str, dict[str, Received]] = defaultdict(dict)

    def to(self, email: str) -> list[Received]:
        arrived = self._smtp.mails[self._sorted :]
        self._sorted += len(arrived)
        for letter in arrived:
            self._by_address[letter.recipient][letter.message_id] = letter
        return list(self._by_address[email].values())

    def links_to(self, email: str) -> list[str]:
        found = [LINK_TOKEN.search(letter.text()) for letter in self.to(email)]
        return [link[1] for link in found if link]

    def notices_to(self, email: str) -> int:
        return sum("was changed" in letter.message["Subject"] for letter in self.to(email))


@dataclass
class Session:
    """One sign-in as its holder knows it, with the tokens of the last answer."""

    id: UUID
    access_token: str
    refresh_token: str
    refreshes: int = 0


class Resident(Native):
    """Signs up, proves the address, then signs in and out, refreshes and changes the password.

    `told` counts what was answered with 2xx. Where no answer came, `unanswered` is the act; in
    the next server's time the resident first finds out what became of it.
    """

    def __init__(self, number: int, dice: Random, letters: Letters) -> None:
        self.email = f"resident{number}@example.com"
        self.network = f"198.18.{number // 256}.{number % 256}"
        self.dice = dice
        self.letters = letters
        self.told: Counter[str] = Counter()
        self.has_account = False
        self.browser_secret: str | None = None
        self.passwords = [FIRST_PASSWORD]
        self.hoped_for = FIRST_PASSWORD
        self.session: Session | None = None
        self.opened: list[Session] = []
        self.ended: list[Session] = []
        self.acts_left = dice.randint(4, 12)
        self.unanswered: Callable | None = None
        self.asked_at = 0.0
        self.complaints: list[str] = []
        self.on_answer: Callable[[], None] = lambda: None

    @property
    def settled(self) -> bool:
        return self.acts_left == 0 and self.unanswered is None

    @asynccontextmanager
    async def at(self, base_url: str) -> AsyncIterator[Resident]:
        """At the server that runs now. Tokens outlive it, connections don't."""
        headers = BY_PROGRAM | {"X-Forwarded-For": self.network}
        async with httpx.AsyncClient(
            base_url=base_url, headers=headers, verify=False, trust_env=False, timeout=START_SECONDS
        ) as http:
            super().__init__(None, http)  # its house is another process
            if self.session is not None:
                self.access_token = self.session.access_token
                self.refresh_token = self.session.refresh_token
            yield self

    async def live(self) -> None:
        while not self.settled:
            await (self.unanswered or self.next_act())()

    def next_act(self) -> Callable:
        if not self.told["sign-ups"]:
            return self.sign_up
        if not self.has_account:
            return self.prove_address
        self.acts_left -= 1
        if self.session is None:
            return self.sign_in
        return self.dice.choice(
            [self.refresh_session] * 4 + [self.sign_out] + [self.choose_another_password] * 2
        )

    @contextmanager
    def awaiting(self, act: Callable) -> Iterator[None]:
        """Whoever is cut off in here has no answer."""
        if self.unanswered is None:
            self.asked_at = time.monotonic()
        self.unanswered = act
        yield
        self.unanswered = None
        self.on_answer()

    # What they do

    async def sign_up(self) -> None:
        with self.awaiting(self.leave):
            self.registration_token = None
            expect(await self.register(self.email, self.passwords[0]), 202)
            self.browser_secret = self.registration_token
            self.told["sign-ups"] += 1

    async def prove_address(self) -> None:
        await eventually(lambda: bool(self.letters.links_to(self.email)), within=START_SECONDS)
        with self.awaiting(self.prove_address_again):
            expect(await self.use_link(), 200)
            self.has_account = True
            self.told["accounts"] += 1

    async def use_link(self) -> httpx.Response:
        token = self.letters.links_to(self.email)[0]
        return await self.verify(token, registration_token=self.browser_secret)

    async def sign_in(self) -> None:
        with self.awaiting(self.sign_in):
            expect(await self.login(self.email, self.passwords[-1]), 200)
            session = UUID(claims_of(self.access_token)["sid"])
            self.session = Session(session, self.access_token, self.refresh_token)
            self.opened.append(self.session)
            self.told["sign-ins"] += 1

    async def refresh_session(self) -> None:
        with self.awaiting(self.refresh_again):
            self.remember_refresh(expect(await self.refresh(), 200))

    def remember_refresh(self, answer: httpx.Response) -> None:
        self.session.access_token = answer.json()["access_token"]
        self.session.refresh_token = answer.json()["refresh_token"]
        self.session.refreshes += 1

    async def sign_out(self) -> None:
        with self.awaiting(self.sign_out):
            expect(await self.logout(), 204)
            self.ended.append(self.session)
            self.access_token = self.session = None
            self.told["sessions ended"] += 1

    async def choose_another_password(self) -> None:
        self.hoped_for = f"{FIRST_PASSWORD} {len(self.passwords)}"
        with self.awaiting(self.find_out_password):
            expect(await self.change_password(self.passwords[-1], self.hoped_for), 200)
            self.passwords.append(self.hoped_for)
            self.told["password changes"] += 1

    # What they find out when the server is back

    async def leave(self) -> None:
        """Nobody knows whether that sign-up happened; its mail will tell the test."""
        self.acts_left, self.unanswered = 0, None

    async def prove_address_again(self) -> None:
        with self.awaiting(self.prove_address_again):
            answer = await self.use_link()
            if answer.status_code == 200:
                self.told["accounts"] += 1
            else:
                problem(answer, 400, "invalid_link")  # used by the request without an answer
            self.has_account = True

    async def refresh_again(self) -> None:
        with self.awaiting(self.refresh_again):
            answer = await self.refresh()
            if answer.status_code == 401 and time.monotonic() - self.asked_at > GRACE_SECONDS:
                self.access_token = self.session = None  # too late: it may be a thief's by then
            else:
                self.remember_refresh(expect(answer, 200))

    async def find_out_password(self) -> None:
        with self.awaiting(self.find_out_password):
            if (await self.reauthenticate(self.hoped_for)).status_code == 200:
                self.passwords.append(self.hoped_for)
            else:
                expect(await self.reauthenticate(self.passwords[-1]), 200)

    # What they look for in the end

    async def looks(self) -> Counter[str]:
        found: Counter[str] = Counter()
        found["sign-ups"] = int(self.has_account)
        found["open sessions"] = int(self.session is not None and await self.session_works())
        found["accounts"] = self.told["accounts"] * (await self.passwords_are_right())
        found["sessions ended"] = sum([await self.is_refused(one) for one in self.ended])
        return found

    async def session_works(self) -> bool:
        refreshed = self.answers("refresh", await self.refresh(), 200)
        return refreshed and self.answers("me", await self.me(), 200)

    async def passwords_are_right(self) -> bool:
        """The last one signs in, the one before it does not."""
        for former in self.passwords[-2:-1]:
            if not self.answers("the former password", await self.login(self.email, former), 401):
                return False
        last = await self.login(self.email, self.passwords[-1])
        return self.answers("the last password", last, 200)

    async def is_refused(self, session: Session) -> bool:
        body = {"json": {"refresh_token": session.refresh_token}}
        refreshed = await self.post("/auth/refresh", **body)
        self.access_token = session.access_token
        return self.answers("refresh in an ended session", refreshed, 401) and self.answers(
            "me in an ended session", await self.me(), 401
        )

    def answers(self, what: str, answer: httpx.Response, status: int) -> bool:
        if answer.status_code != status:
            self.complaints.append(f"{self.email}, {what}: {answer.status_code} {answer.text}")
        return answer.status_code == status
