"""A real SMTP server (aiosmtpd) with TLS and AUTH, in a thread of its own.

It can be told to refuse, to hang up, to go away and to come back on the same port. The `smtp`
fixture points `SSL_CERT_FILE` at the authority that signed its certificate, so that clients
verify it as they would any other.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

HOST = "127.0.0.1"
logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns of itself at each AUTH
USER, PASSWORD = "postman@example.test", "p@ss/w?rd"
QUOTED_LOGIN = "postman%40example.test:p%40ss%2Fw%3Frd"


@dataclass(frozen=True)
class Received:
    """One mail as the server took it."""

    sender: str
    recipient: str
    content: bytes
    encrypted: bool
    user: str | None
    mail_options: tuple[str, ...]

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    def text(self, kind: str = "plain") -> str:
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


@dataclass
class SmtpServer:
    certificate: trustme.LeafCert
    tls: str = "starttls"
    smtputf8: bool = True
    with_auth: bool = True
    port: int = 0
    mails: list[Received] = field(default_factory=list)
    connections: int = 0
    _answers: dict[str, str] = field(default_factory=dict)
    _hang_up_at: str | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _sessions: set[SMTP] = field(default_factory=set)

    @property
    def url(self) -> str:
        login = f"{QUOTED_LOGIN}@" if self.with_auth else ""
        return f"smtp://{login}{HOST}:{self.port}?tls={self.tls}"

    def refuse(self, stage: str, answer: str) -> None:
        """From now on answer so at `mail`, `rcpt`, `data` or `auth`."""
        self._answers[stage] = answer

    def hang_up(self, stage: str) -> None:
        """From now on cut the connection at that stage, `accepted` being after the mail is in."""
        self._hang_up_at = stage

    def behave(self) -> None:
        self._answers.clear()
        self._hang_up_at = None

    def start(self) -> None:
        """Come (back) up, on the port of the first time."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10), "the SMTP server did not start"

    def stop(self) -> None:
        """Go away, cutting every connection."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        self._loop = self._thread = None

    def wait_for(self, count: int, seconds: float = 20) -> list[Received]:
        """For tests without an event loop; the others await a condition."""
        deadline = time.monotonic() + seconds
        while len(self.mails) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.mails) >= count, f"{len(self.mails)} of {count} mails arrived"
        return self.mails

    def _serve(self, ready: threading.Event) -> None:
        loop = asyncio.new_event_loop()
        implicit = self._context() if self.tls == "implicit" else None
        server = loop.run_until_complete(
            loop.create_server(self._session, HOST, self.port, ssl=implicit)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._loop = loop
        loop.call_soon(ready.set)
        try:
            loop.run_forever()
        finally:
            server.close()
            loop.run_until_complete(self._close_sessions())
            loop.close()

    def _session(self) -> SMTP:
        self.connections += 1
        session = SMTP(
            Handler(self),
            enable_SMTPUTF8=self.smtputf8,
            hostname="mail.example.test",
            tls_context=self._context() if self.tls == "starttls" else None,
            require_starttls=self.tls == "starttls",
            # aiosmtpd counts STARTTLS alone as TLS: behind implicit TLS it may offer AUTH, not demand it
            auth_required=self.with_auth and self.tls == "starttls",
            auth_require_tls=self.tls == "starttls",
            authenticator=self._authenticate if self.with_auth else None,
            loop=asyncio.get_running_loop(),
        )
        self._sessions.add(session)
        return session

    async def _close_sessions(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for session in self._sessions:
            for transport in (session.transport, session._original_transport):
                if transport is not None:
                    transport.abort()
        self._sessions.clear()
        for _ in range(10):  # TLS under STARTTLS closes layer by layer, each in a turn of the loop
            await asyncio.sleep(0)

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certificate.configure_cert(context)
        return context

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        known = (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
        if known and "auth" not in self._answers:
            return AuthResult(success=True, auth_data=USER)
        # handled=False lets aiosmtpd answer 535; True would leave the client without an answer
        return AuthResult(success=False, handled=False)

    def answer(self, stage: str, server: SMTP) -> str | None:
        """What to say at this stage instead of yes."""
        if self._hang_up_at == stage:
            server.transport.abort()
            return "421 4.3.2 Closing"
        return self._answers.get(stage)


class Handler:
    """aiosmtpd's hooks: each asks the part what to answer."""

    def __init__(self, part: SmtpServer) -> None:
        self._part = part

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._part.answer("mail", server):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._part.answer("rcpt", server):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if refusal := self._part.answer("data", server):
            return refusal
        encrypted = server.transport.get_extra_info("sslcontext") is not None
        self._part.mails.append(received(session, envelope, encrypted))
        return self._part.answer("accepted", server) or "250 2.0.0 Accepted"


def received(session: Session, envelope: Envelope, encrypted: bool) -> Received:
    assert isinstance(envelope.original_content, bytes)
    return Received(
        sender=str(envelope.mail_from),
        recipient=envelope.rcpt_tos[0],
        content=envelope.original_content,
        encrypted=encrypted,
        user=session.auth_data if session.authenticated else None,
        mail_options=tuple(envelope.mail_options),
    )


SmtpFactory = Callable[..., SmtpServer]


@pytest.fixture(scope="session")
def mail_authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def start_smtp(
    mail_authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SmtpFactory]:
    """Servers with other habits: `start_smtp(tls="implicit")`."""
    authority_file = tmp_path / "mail-authority.pem"
    mail_authority.cert_pem.write_to_path(str(authority_file))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    started: list[SmtpServer] = []

    def start(**habits: Any) -> SmtpServer:
        habits.setdefault("certificate", mail_authority.issue_cert(HOST))
        server = SmtpServer(**habits)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def smtp(start_smtp: SmtpFactory) -> SmtpServer:
    """STARTTLS and AUTH, both demanded."""
    return start_smtp()
