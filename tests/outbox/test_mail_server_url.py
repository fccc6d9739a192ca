from __future__ import annotations

import pytest

from keywright.core.errors import ConfigurationError
from keywright.outbox.channels.mail.server import MailServer, Tls, parse_mail_url


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.test", MailServer("mail.test", 587, Tls.STARTTLS)),
        ("smtp://mail.test/", MailServer("mail.test", 587, Tls.STARTTLS)),
        ("smtp://mail.test:25", MailServer("mail.test", 25, Tls.STARTTLS)),
        ("smtp://mail.test:465", MailServer("mail.test", 465, Tls.IMPLICIT)),
        ("smtps://mail.test", MailServer("mail.test", 465, Tls.IMPLICIT)),
        ("smtps://mail.test:4465", MailServer("mail.test", 4465, Tls.IMPLICIT)),
        ("smtp://mail.test?tls=implicit", MailServer("mail.test", 465, Tls.IMPLICIT)),
        ("smtp://mail.test:465?tls=starttls", MailServer("mail.test", 465, Tls.STARTTLS)),
        ("smtp://relay.test:25?tls=none", MailServer("relay.test", 25, Tls.NONE)),
        ("smtp://[::1]:2525?tls=none", MailServer("::1", 2525, Tls.NONE)),
        (
            "smtp://a%40b.test:p%2Fw%3A%C3%A4@mail.test",
            MailServer("mail.test", 587, Tls.STARTTLS, "a@b.test", "p/w:ä"),
        ),
        (
            "smtp://user:secret@127.0.0.1:1025?tls=none",
            MailServer("127.0.0.1", 1025, Tls.NONE, "user", "secret"),
        ),
    ],
)
def test_a_mail_url_says_host_port_protection_and_login(url: str, server: MailServer) -> None:
    assert parse_mail_url(url) == server


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "begin with smtp://"),
        ("mail.test:587", "begin with smtp://"),
        ("https://mail.test", "begin with smtp://"),
        ("smtp://", "names no host"),
        ("smtp://user:hunter22@", "names no host"),
        ("smtp://mail.test:99999", "port must be a number"),
        ("smtp://mail.test:0", "port must be a number"),
        ("smtp://mail.test:smtp", "port must be a number"),
        ("smtp://user:hunter22/x@mail.test", "write a `/`"),
        ("smtp://mail.test/inbox", "path or fragment"),
        ("smtp://user:hunter22@mail.test#x", "path or fragment"),
        ("smtp://mail.test?tls=maybe", "`tls` must be"),
        ("smtp://mail.test?ssl=1", "unknown option 'ssl'"),
        ("smtps://mail.test?tls=starttls", "smtps:// means"),
        ("smtp://[::1", "cannot be read as a URL"),
        ("smtp://user:hunter22@mail.test?tls=none", "clear text"),
    ],
)
def test_a_mail_url_that_cannot_be_used_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parse_mail_url(url)
    assert reason in refusal.value.detail
    assert "KEYWRIGHT_MAIL_URL" in refusal.value.detail
    assert "hunter22" not in refusal.value.detail


def test_the_password_of_a_mail_server_is_not_in_its_repr() -> None:
    assert "hunter22" not in repr(parse_mail_url("smtp://user:hunter22@mail.test"))
