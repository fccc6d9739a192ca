"""Mail: does the server take us, and does what we wrote go out?"""

from __future__ import annotations

from datetime import datetime, timedelta

from keywright.core.clock import Clock
from keywright.core.db import Database
from keywright.core.errors import KeywrightError
from keywright.core.ids import new_id
from keywright.core.settings import Settings
from keywright.outbox import service as outbox
from keywright.outbox.channels.mail.channel import KIND, helo_name
from keywright.outbox.channels.mail.mails import SecurityNotice
from keywright.outbox.channels.mail.render import MailRenderer
from keywright.outbox.channels.mail.server import MailServer, parse_mail_url
from keywright.outbox.channels.mail.smtp import SmtpTransport
from keywright.outbox.models import Backlog, Message
from keywright.server.doctor.findings import Finding, ok, problem, warning

PART = "mail"
LATE = timedelta(minutes=5)


async def examine_mail(settings: Settings, clock: Clock, send_to: str | None) -> Finding:
    """Connect and sign in; a mail goes out only to `send_to`."""
    if settings.mail_url is None:
        return describe_no_server(settings, send_to)
    try:
        server = parse_mail_url(settings.mail_url)
        transport = SmtpTransport(server, helo=helo_name(settings))
        await transport.check()
        if send_to is not None:
            message = test_message(clock.now())
            mail = MailRenderer(settings).render(test_mail(send_to, clock.now()), message)
            await transport.deliver(mail)
    except KeywrightError as error:
        return problem(PART, error.detail, "Check KEYWRIGHT_MAIL_URL and KEYWRIGHT_MAIL_FROM.")
    return ok(PART, describe_success(server, send_to))


def describe_no_server(settings: Settings, send_to: str | None) -> Finding:
    advice = "Set KEYWRIGHT_MAIL_URL=smtp://user:password@smtp.example.com:587?tls=starttls."
    if not settings.development:
        return problem(PART, "There is no mail server.", advice)
    if send_to is not None:
        return problem(PART, "There is no mail server to send a test mail with.", advice)
    return ok(PART, f"Development shows every mail at {settings.base_url}/dev/mail.")


def describe_success(server: MailServer, send_to: str | None) -> str:
    signed_in = f" and lets {server.username} in" if server.username else ""
    sent = f" It took a test mail to {send_to}." if send_to else " Nothing was sent."
    return f"{server.host}, port {server.port}, answers{signed_in} (TLS: {server.tls}).{sent}"


def test_mail(to: str, now: datetime) -> SecurityNotice:
    return SecurityNotice(
        to=to,
        at=now,
        subject="Keywright can send mail",
        what="This is the test mail that `keywright doctor --send-to` sends.",
        advice="somebody else administers a Keywright that knows your address. Nothing else "
        "happened.",
    )


def test_message(now: datetime) -> Message:
    return Message(new_id(now), KIND, {}, now, attempts=1, expires_at=None)


async def examine_outbox(db: Database, now: datetime) -> Finding:
    return judge_backlog(await outbox.backlog(db, now))


def judge_backlog(backlog: Backlog) -> Finding:
    if backlog.parked:
        return warning(
            "outbox",
            f"{backlog.parked} messages were given up after many tries.",
            "See why with `keywright outbox list`; `keywright outbox retry` tries one again.",
        )
    if backlog.oldest_age > LATE:
        return warning(
            "outbox",
            f"{backlog.depth} messages wait, the oldest for {backlog.oldest_age}.",
            "See that a server runs, and that the mail server takes its mail.",
        )
    return ok("outbox", f"{backlog.depth} messages wait, none for long.")
