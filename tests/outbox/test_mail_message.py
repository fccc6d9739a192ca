from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path
from uuid import uuid4

import pytest
from parts.outbox import TOKEN, make_settings, plain_mail

from keywright.core.errors import ConfigurationError
from keywright.outbox.channels.mail.addresses import (
    UnsafeHeader,
    UnusableAddress,
    recipient,
    sender,
)
from keywright.outbox.channels.mail.channel import helo_name
from keywright.outbox.channels.mail.message import first_link, write_mime


def test_a_mail_sent_twice_is_the_same_bytes_under_one_message_id() -> None:
    row_id = uuid4()
    first, second = (write_mime(plain_mail(row_id=row_id)) for _ in range(2))
    assert first == second
    assert (
        message_from_bytes(first, policy=policy.default)["Message-ID"] == f"<{row_id}@example.test>"
    )


def test_a_mail_is_seven_bit_with_short_lines_whatever_is_in_it() -> None:
    content = write_mime(plain_mail("ada@xn--mller-kva.test", subject="Grüße 🔑" * 20))
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")
    read = message_from_bytes(content, policy=policy.default)
    assert read["Subject"] == "Grüße 🔑" * 20
    assert read["Auto-Submitted"] == "auto-generated"
    assert read.get_content_type() == "multipart/alternative"
    assert [part.get_content_subtype() for part in read.iter_parts()] == ["plain", "html"]


def test_a_unicode_local_part_is_written_in_utf_8_headers() -> None:
    content = write_mime(plain_mail("jörg@example.test"))
    assert "To: jörg@example.test\r\n".encode() in content


@pytest.mark.parametrize("character", ["\r", "\n", "\r\n", "\x00", "\x0b", "\x85", "\u2028"])
def test_a_subject_with_a_control_character_is_refused(character: str) -> None:
    with pytest.raises(UnsafeHeader):
        write_mime(plain_mail(subject=f"Hi{character}Bcc: eve@example.test"))


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("ada@example.test", "ada@example.test"),
        ("Ada.L+x@Example.Test", "Ada.L+x@example.test"),
        ("ada@müller.test", "ada@xn--mller-kva.test"),
        ("jörg@例え.test", "jörg@xn--r8jz45g.test"),
        ("o'neil@example.test", "o'neil@example.test"),
    ],
)
def test_mail_goes_to_the_stored_spelling_with_an_idna_domain(stored: str, sent: str) -> None:
    assert recipient(stored).addr_spec == sent


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.test",
        "ada@",
        "ada@example.test, eve@example.test",
        "eve@example.test,ada@example.test",
        "Ada <ada@example.test>",
        "ada@example.test>",
        "a b@example.test",
        '"a b"@example.test',
        "ada(c)@example.test",
        "ada@exa mple.test",
        "ada@[127.0.0.1]",
        "ada@-.test",
        "ada@" + "x" * 70 + ".test",
    ],
)
def test_what_is_not_one_plain_address_is_refused(address: str) -> None:
    with pytest.raises(UnusableAddress):
        recipient(address)


@pytest.mark.parametrize(
    "mail_from", ["", "nobody", "a@b, c@d", "jörg@example.test", "A\r\nBcc: x <a@example.test>"]
)
def test_a_sender_that_cannot_be_used_names_the_setting(mail_from: str) -> None:
    with pytest.raises(ConfigurationError, match="KEYWRIGHT_MAIL_FROM"):
        sender(mail_from)


def test_a_sender_keeps_its_name() -> None:
    assert str(sender("Müller & Söhne <accounts@müller.test>")) == (
        "Müller & Söhne <accounts@xn--mller-kva.test>"
    )


def test_the_first_link_of_a_text_is_what_the_mail_is_about() -> None:
    assert first_link(plain_mail().text) == (
        f"https://accounts.example.test/reset-password?token={TOKEN}"
    )
    assert first_link("no link") is None


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://accounts.example.test", "accounts.example.test"),
        ("http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[::1]:8000", "[IPv6:::1]"),
    ],
)
def test_this_machine_greets_by_the_host_of_its_base_url(
    base_url: str, name: str, tmp_path: Path
) -> None:
    assert helo_name(make_settings(tmp_path, base_url=base_url)) == name
