"""Against a real SMTP server: TLS, login, refusals, hang-ups, unicode addresses."""

from __future__ import annotations

import socket
import ssl

import pytest
import trustme
from parts.outbox import ROW_ID, TOKEN, plain_mail
from parts.smtp import HOST, USER, SmtpFactory, SmtpServer

from keywright.outbox.channels.mail.server import parse_mail_url
from keywright.outbox.channels.mail.smtp import SmtpTransport
from keywright.outbox.errors import DeliveryError, DeliveryFailed, DeliveryRefused

pytestmark = pytest.mark.anyio


def transport(server: SmtpServer, url: str | None = None) -> SmtpTransport:
    return SmtpTransport(parse_mail_url(url or server.url), helo="accounts.example.test")


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_mail_goes_out_encrypted_and_signed_in(start_smtp: SmtpFactory, tls: str) -> None:
    server = start_smtp(tls=tls)
    await transport(server).deliver(plain_mail())
    (mail,) = server.mails
    assert mail.encrypted
    assert mail.user == USER
    assert (mail.sender, mail.recipient) == ("accounts@example.test", "ada@example.test")
    assert mail.message_id == f"<{ROW_ID}@example.test>"
    assert TOKEN in mail.text()
    assert TOKEN in mail.text("html")


async def test_without_login_and_tls_a_relay_on_this_machine_takes_it(
    start_smtp: SmtpFactory,
) -> None:
    server = start_smtp(tls="none", with_auth=False)
    await transport(server).deliver(plain_mail())
    assert not server.mails[0].encrypted


async def test_a_server_that_offers_no_starttls_gets_nothing(start_smtp: SmtpFactory) -> None:
    server = start_smtp(tls="none", with_auth=False)
    url = server.url.replace("none", "starttls")
    with pytest.raises(DeliveryFailed, match="STARTTLS"):
        await transport(server, url).deliver(plain_mail())
    assert server.mails == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_certificate_of_an_unknown_authority_gets_nothing(
    start_smtp: SmtpFactory, tls: str
) -> None:
    server = start_smtp(tls=tls, certificate=trustme.CA().issue_cert(HOST))
    with pytest.raises(DeliveryFailed, match="certificate verify failed"):
        await transport(server).deliver(plain_mail())
    assert server.mails == []


async def test_a_certificate_of_another_host_gets_nothing(
    start_smtp: SmtpFactory, mail_authority: trustme.CA
) -> None:
    server = start_smtp(certificate=mail_authority.issue_cert("other.example.test"))
    with pytest.raises(DeliveryFailed, match="certificate verify failed"):
        await transport(server).deliver(plain_mail())
    assert server.mails == []


@pytest.mark.parametrize(
    ("stage", "answer", "kind", "reason"),
    [
        ("rcpt", "550 5.1.1 No such user", DeliveryRefused, "refuses this recipient: 550 5.1.1."),
        ("data", "554 5.7.1 Spam", DeliveryRefused, "refuses this mail: 554 5.7.1."),
        ("rcpt", "450 4.2.1 Greylisted", DeliveryFailed, "refuses this recipient: 450 4.2.1."),
        ("data", "451 4.3.0 Try later", DeliveryFailed, "refuses this mail: 451 4.3.0."),
        ("mail", "553 5.1.8 Bad sender", DeliveryFailed, "KEYWRIGHT_MAIL_FROM: 553 5.1.8."),
        ("auth", "", DeliveryFailed, "KEYWRIGHT_MAIL_URL: 535 5.7.8."),
    ],
)
async def test_a_refusal_is_for_good_or_for_now_and_says_why(
    smtp: SmtpServer, stage: str, answer: str, kind: type[DeliveryError], reason: str
) -> None:
    smtp.refuse(stage, answer)
    with pytest.raises(kind, match=reason):
        await transport(smtp).deliver(plain_mail())
    assert smtp.mails == []
    smtp.behave()
    await transport(smtp).deliver(plain_mail())
    assert len(smtp.mails) == 1


async def test_an_answer_that_quotes_the_mail_does_not_reach_the_reason(smtp: SmtpServer) -> None:
    smtp.refuse("data", f"554 5.7.1 Blocked: https://accounts.example.test/?token={TOKEN}")
    with pytest.raises(DeliveryRefused) as refusal:
        await transport(smtp).deliver(plain_mail())
    assert TOKEN not in refusal.value.detail


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
async def test_a_connection_cut_in_the_middle_is_tried_again(smtp: SmtpServer, stage: str) -> None:
    smtp.hang_up(stage)
    with pytest.raises(DeliveryFailed, match="closed the connection"):
        await transport(smtp).deliver(plain_mail())


async def test_a_server_that_is_down_is_tried_again(smtp: SmtpServer) -> None:
    smtp.stop()
    with pytest.raises(DeliveryFailed, match="cannot be used"):
        await transport(smtp).deliver(plain_mail())
    smtp.start()
    await transport(smtp).deliver(plain_mail())
    assert len(smtp.mails) == 1


async def test_a_host_name_that_does_not_exist_is_tried_again() -> None:
    server = parse_mail_url("smtp://no-such-host.invalid")
    with pytest.raises(DeliveryFailed, match="cannot be used"):
        await SmtpTransport(server, helo="localhost").deliver(plain_mail())


async def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keywright.outbox.channels.mail.smtp.TIMEOUT_SECONDS", 0.2)
    with socket.create_server((HOST, 0)) as silent:
        server = parse_mail_url(f"smtp://{HOST}:{silent.getsockname()[1]}?tls=none")
        with pytest.raises(DeliveryFailed, match="not answer in time"):
            await SmtpTransport(server, helo="localhost").deliver(plain_mail())


async def test_a_unicode_address_goes_out_where_the_server_speaks_smtputf8(
    smtp: SmtpServer,
) -> None:
    await transport(smtp).deliver(plain_mail("jörg@example.test"))
    (mail,) = smtp.mails
    assert mail.recipient == "jörg@example.test"
    assert "SMTPUTF8" in mail.mail_options
    assert mail.message["To"] == "jörg@example.test"


async def test_a_unicode_address_is_refused_where_the_server_does_not(
    start_smtp: SmtpFactory,
) -> None:
    server = start_smtp(smtputf8=False)
    with pytest.raises(DeliveryRefused, match="SMTPUTF8"):
        await transport(server).deliver(plain_mail("jörg@example.test"))
    assert server.mails == []


def test_tls_is_verified_and_recent() -> None:
    context = SmtpTransport(parse_mail_url("smtp://mail.test"), helo="localhost")._tls
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


async def test_authorities_are_read_for_the_first_mail(
    smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def verified_tls() -> ssl.SSLContext:
        read.append("authorities")
        return ssl.create_default_context()

    monkeypatch.setattr("keywright.outbox.channels.mail.smtp.verified_tls", verified_tls)
    there = transport(smtp)
    assert read == []
    await there.deliver(plain_mail())
    await there.deliver(plain_mail())
    assert (len(smtp.mails), read) == (2, ["authorities"])
