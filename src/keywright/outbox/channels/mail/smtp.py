"""Mail by SMTP (RFC 5321), one connection a mail."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from typing import cast

import aiosmtplib
from aiosmtplib import SMTP

from keywright.outbox.channels.mail.message import MailMessage, write_mime
from keywright.outbox.channels.mail.server import MailServer, Tls
from keywright.outbox.errors import DeliveryError, DeliveryFailed, DeliveryRefused

TIMEOUT_SECONDS = 10.0  # for each answer; the courier bounds the whole delivery
QUIT_SECONDS = 1.0
PERMANENT = 500  # RFC 5321 §4.2.1: 5yz, don't repeat
ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")  # RFC 3463

ANSWERS = (
    (aiosmtplib.SMTPRecipientRefused, "refuses this recipient"),
    (aiosmtplib.SMTPDataError, "refuses this mail"),
    (aiosmtplib.SMTPSenderRefused, "refuses the sender KEYWRIGHT_MAIL_FROM"),
    (aiosmtplib.SMTPAuthenticationError, "refuses user or password of KEYWRIGHT_MAIL_URL"),
    (aiosmtplib.SMTPResponseException, "does not take mail now"),
)


class SmtpTransport:
    """TLS is demanded and verified, unless the URL says `tls=none`. `helo` names this machine."""

    def __init__(self, server: MailServer, *, helo: str) -> None:
        self._server = server
        self._helo = helo

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        """Made for the first mail: the authorities take 20 ms to read, and 2 MiB."""
        return None if self._server.tls is Tls.NONE else verified_tls()

    async def deliver(self, mail: MailMessage) -> None:
        content = write_mime(mail)
        async with self._signed_in() as client:
            await submit(client, mail, content)

    async def check(self) -> None:
        """Connect, protect the connection and sign in; nothing is sent. Raises `DeliveryFailed`."""
        async with self._signed_in():
            pass

    @asynccontextmanager
    async def _signed_in(self) -> AsyncIterator[SMTP]:
        client = await self._client()
        try:
            await client.connect()
            await self._sign_in(client)
            yield client
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
            raise explain(error) from None
        finally:
            await hang_up(client)

    async def _client(self) -> SMTP:
        tls = await asyncio.to_thread(lambda: self._tls)  # the first time from many files
        return SMTP(
            hostname=self._server.host,
            port=self._server.port,
            local_hostname=self._helo,
            timeout=TIMEOUT_SECONDS,
            use_tls=self._server.tls is Tls.IMPLICIT,
            start_tls=self._server.tls is Tls.STARTTLS,
            tls_context=tls,
        )

    async def _sign_in(self, client: SMTP) -> None:
        if self._server.username is not None:
            await client.login(self._server.username, self._server.password or "")


def verified_tls() -> ssl.SSLContext:
    """Certificate and host name are checked against the system's authorities (`SSL_CERT_FILE`)."""
    return ssl.create_default_context()


async def submit(client: SMTP, mail: MailMessage, content: bytes) -> None:
    options: list[str] = []
    encoding = "ascii"
    if mail.needs_smtputf8:
        refuse_without_smtputf8(client)
        options, encoding = ["SMTPUTF8"], "utf-8"
    await client.mail(mail.sender.addr_spec, options=options)
    await client.rcpt(mail.to.addr_spec, encoding=encoding)
    await client.data(content)


def refuse_without_smtputf8(client: SMTP) -> None:
    if not client.supports_extension("smtputf8"):
        raise DeliveryRefused(
            "The part of this address before the @ is not ASCII, and the mail server does not "
            "offer SMTPUTF8 (RFC 6531)."
        )


async def hang_up(client: SMTP) -> None:
    """What was accepted stays accepted, however the goodbye goes."""
    transport = cast("asyncio.WriteTransport | None", client.transport)
    with suppress(aiosmtplib.SMTPException, OSError):
        if client.is_connected:
            await client.quit(timeout=QUIT_SECONDS)
    client.close()
    if transport is not None:
        transport.abort()  # after the goodbye nobody waits for TLS to say its own


def explain(error: Exception) -> DeliveryError:
    """Why, in a sentence without secrets: of the server's answers only the codes, because its
    words may quote the mail and with it the link.
    """
    if isinstance(error, aiosmtplib.SMTPResponseException):
        said = next(sentence for kind, sentence in ANSWERS if isinstance(error, kind))
        outcome = DeliveryRefused if is_final(error) else DeliveryFailed
        return outcome(f"The mail server {said}: {codes_of(error)}.")
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return DeliveryFailed("The mail server closed the connection.")
    if isinstance(error, aiosmtplib.SMTPTimeoutError):
        return DeliveryFailed("The mail server did not answer in time.")
    return DeliveryFailed(f"The mail server cannot be used: {error}")


def is_final(error: aiosmtplib.SMTPResponseException) -> bool:
    """Only about the recipient and the mail is no a no; a sender or login can be put right."""
    about_this_mail = isinstance(error, (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError))
    return about_this_mail and error.code >= PERMANENT


def codes_of(error: aiosmtplib.SMTPResponseException) -> str:
    enhanced = ENHANCED_CODE.search(error.message)
    return f"{error.code} {enhanced.group()}" if enhanced else str(error.code)
