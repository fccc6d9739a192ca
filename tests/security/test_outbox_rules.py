"""The rules of security.md that the outbox, its mails and the development mailbox keep."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import trustme
from msgspec import Struct
from parts.outbox import (
    EVERY_MAIL,
    NOW,
    TOKEN,
    clock,
    courier,
    database_url,
    db,
    mailbox_app,
    make_settings,
    open_db,
    plain_mail,
    put,
    row_message,
    secrets,
    settings,
)
from parts.smtp import HOST, SmtpFactory

from keywright.core.clock import ManualClock
from keywright.core.crypto import CannotOpen, MasterSecrets
from keywright.core.db import Database, Statement
from keywright.core.errors import ConfigurationError
from keywright.core.settings import Settings
from keywright.outbox import service
from keywright.outbox.channels.mail.addresses import UnsafeHeader, UnusableAddress, recipient
from keywright.outbox.channels.mail.mailbox import DevelopmentMailbox
from keywright.outbox.channels.mail.mails import VerifyEmail
from keywright.outbox.channels.mail.message import write_mime
from keywright.outbox.channels.mail.render import MailRenderer
from keywright.outbox.channels.mail.server import parse_mail_url
from keywright.outbox.channels.mail.smtp import SmtpTransport
from keywright.outbox.delivery import Courier
from keywright.outbox.errors import DeliveryFailed, DeliveryRefused
from keywright.outbox.models import Message
from keywright.outbox.table import outbox

__all__ = ["clock", "courier", "database_url", "db", "open_db", "secrets", "settings"]

pytestmark = pytest.mark.anyio


class StoredPayload(Struct, frozen=True):
    payload: bytes


PAYLOADS = Statement(sa.select(outbox.c.payload), row=StoredPayload)
SWAP = Statement(sa.update(outbox).values(payload=sa.bindparam("payload")))


def bytes_on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("keywright.db*"))


# Secrets in rows


async def test_a_secret_in_an_outbox_row_is_sealed(
    db: Database, secrets: MasterSecrets, clock: ManualClock, tmp_path: Path
) -> None:
    await put(db, secrets, clock, {"token": TOKEN})
    (row,) = await db.many(PAYLOADS)
    assert TOKEN.encode() not in row.payload
    assert TOKEN.encode() not in bytes_on_disk(tmp_path)


async def test_a_sealed_payload_opens_in_its_own_row_alone(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    opened: list[Message] = []

    async def keep(message: Message) -> None:
        opened.append(message)

    courier.register("note", keep)
    await put(db, secrets, clock, {"token": TOKEN})
    (row,) = await db.many(PAYLOADS)
    await courier.drain()
    await put(db, secrets, clock, {"other": "message"})
    await db.run(SWAP, payload=row.payload)
    await courier.drain()
    assert [message.payload for message in opened] == [{"token": TOKEN}]


async def test_a_sealed_payload_does_not_open_under_another_master_secret(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    await put(db, secrets, clock, {"token": TOKEN})
    row = await courier._claim()
    assert row is not None
    with pytest.raises(CannotOpen):
        service.open_message(MasterSecrets("an entirely different master secret"), row)


async def test_a_secret_is_erased_when_it_is_delivered(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    async def accept(message: Message) -> None:
        return None

    courier.register("note", accept)
    await put(db, secrets, clock, {"token": TOKEN})
    await courier.drain()
    assert await db.many(PAYLOADS) == []


async def test_a_mail_whose_token_has_expired_is_not_sent_and_is_erased(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    courier.register("note", send)
    soon = clock.now() + timedelta(hours=1)
    await put(db, secrets, clock, {"token": TOKEN}, expires_at=soon)
    clock.advance(hours=1)
    await courier.drain()
    assert sent == []
    assert await db.many(PAYLOADS) == []


class Rejected(Exception):
    """An error of a library, which tells what it was given."""


async def test_a_failure_tells_no_secret_to_the_row_or_the_log(
    db: Database,
    secrets: MasterSecrets,
    clock: ManualClock,
    courier: Courier,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    async def fail(message: Message) -> None:
        raise Rejected(f"could not use {message.payload['link']}")

    async def refuse(message: Message) -> None:
        raise DeliveryRefused

    courier.register("note", fail)
    courier.register("bad", refuse)
    for kind in ("note", "bad"):
        await put(db, secrets, clock, {"link": f"https://x.test/{TOKEN}"}, kind=kind)
    await courier.drain()
    for _ in range(120):
        clock.advance(hours=1)
        await courier.drain()
    parked = await service.list_parked(db)
    assert sorted(message.kind for message in parked) == ["bad", "note"]
    assert all(message.last_error and TOKEN not in message.last_error for message in parked)
    assert TOKEN not in caplog.text


# Mails


@pytest.mark.parametrize("said", EVERY_MAIL, ids=lambda said: type(said).__name__)
async def test_mail_links_are_built_from_the_base_url(said: object, tmp_path: Path) -> None:
    settings = make_settings(tmp_path, base_url="https://one.example.test/kw")
    mail = MailRenderer(settings).render(said, row_message())
    for form in (mail.text, mail.html):
        assert form.count("https://") == form.count("https://one.example.test/kw")
    if hasattr(said, "token"):
        assert f"https://one.example.test/kw/{said.page}?token={TOKEN}\n" in mail.text


async def test_a_mail_to_an_unproven_address_has_no_room_for_what_its_registrant_typed() -> None:
    assert set(VerifyEmail.__struct_fields__) == {"to", "at", "network", "token", "expires_at"}


async def test_nothing_begins_a_header_or_a_command_of_its_own() -> None:
    with pytest.raises(UnsafeHeader):
        recipient("ada@example.test\r\nRCPT TO:<eve@example.test>")
    with pytest.raises(UnsafeHeader):
        write_mime(plain_mail(subject="Hi\r\nBcc: eve@example.test"))
    forged = replace(plain_mail(), subject="Hi\x00there")
    with pytest.raises(UnsafeHeader):
        write_mime(forged)


async def test_a_mail_goes_to_one_address() -> None:
    with pytest.raises(UnusableAddress):
        recipient("ada@example.test,eve@example.test")


async def test_mail_goes_out_over_verified_tls_or_not_at_all(start_smtp: SmtpFactory) -> None:
    stranger = start_smtp(certificate=trustme.CA().issue_cert(HOST))
    transport = SmtpTransport(parse_mail_url(stranger.url), helo="localhost")
    with pytest.raises(DeliveryFailed):
        await transport.deliver(plain_mail())
    assert stranger.mails == []


async def test_a_mail_password_never_crosses_the_network_in_clear_text() -> None:
    with pytest.raises(ConfigurationError, match="clear text"):
        parse_mail_url("smtp://user:password@mail.example.test?tls=none")


# The development mailbox


@pytest.fixture
def mailbox(settings: Settings) -> DevelopmentMailbox:
    return DevelopmentMailbox(settings.data_dir / "mail")


async def ask(
    settings: Settings,
    mailbox: DevelopmentMailbox,
    *,
    path: str = "/dev/mail",
    peer: tuple[str, int] | None = ("127.0.0.1", 4711),
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
) -> int:
    app = mailbox_app(settings, mailbox)

    async def with_peer(scope, receive, send):
        await app({**scope, "client": peer}, receive, send)

    transport = httpx.ASGITransport(with_peer)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        return (await client.get(path, headers=headers)).status_code


async def every_path(mailbox: DevelopmentMailbox) -> list[str]:
    mail = plain_mail()
    await mailbox.deliver(mail)
    return ["/dev/mail", f"/dev/mail/{mail.id}", f"/dev/mail/{mail.id}/html"]


@pytest.mark.parametrize("peer", [("127.0.0.1", 1), ("127.8.8.8", 1), ("::1", 1)])
@pytest.mark.parametrize("host", ["localhost", "LocalHost:8000", "127.0.0.1:8000", "[::1]:8000"])
async def test_the_development_mailbox_answers_this_machine(
    settings: Settings, mailbox: DevelopmentMailbox, peer: tuple[str, int], host: str
) -> None:
    for path in await every_path(mailbox):
        assert await ask(settings, mailbox, path=path, peer=peer, headers={"Host": host}) == 200


@pytest.mark.parametrize(
    "peer", [("203.0.113.7", 1), ("10.0.0.2", 1), ("fe80::1", 1), ("localhost.test", 1), None]
)
async def test_the_development_mailbox_refuses_other_peers(
    settings: Settings, mailbox: DevelopmentMailbox, peer: tuple[str, int] | None
) -> None:
    for path in await every_path(mailbox):
        assert await ask(settings, mailbox, path=path, peer=peer) == 404


@pytest.mark.parametrize(
    "host",
    [
        "accounts.example.test",
        "localhost.example.test",
        "127.0.0.1.example.test",
        "127.0.0.1:8000@example.test",
        "example.test@localhost",
        "localhost:8000/x",
        "203.0.113.7",
        "[::1",
        "[fe80::1]",
        "",
    ],
)
async def test_the_development_mailbox_refuses_other_hosts(
    settings: Settings, mailbox: DevelopmentMailbox, host: str
) -> None:
    for path in await every_path(mailbox):
        assert await ask(settings, mailbox, path=path, headers={"Host": host}) == 404


async def test_the_development_mailbox_refuses_two_hosts(
    settings: Settings, mailbox: DevelopmentMailbox
) -> None:
    headers = [("Host", "localhost"), ("Host", "accounts.example.test")]
    assert await ask(settings, mailbox, headers=headers) == 404


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Server",
        "X-Real-IP",
        "CF-Connecting-IP",
        "True-Client-IP",
        "Via",
    ],
)
async def test_the_development_mailbox_refuses_what_came_through_a_proxy(
    settings: Settings, mailbox: DevelopmentMailbox, header: str
) -> None:
    for path in await every_path(mailbox):
        assert await ask(settings, mailbox, path=path, headers={header: "127.0.0.1"}) == 404


async def test_the_development_mailbox_is_not_there_in_production(
    mailbox: DevelopmentMailbox, tmp_path: Path
) -> None:
    production = make_settings(tmp_path, env="production")
    for path in await every_path(mailbox):
        assert await ask(production, mailbox, path=path) == 404


async def test_a_mail_in_the_development_mailbox_runs_no_script(
    settings: Settings, mailbox: DevelopmentMailbox
) -> None:
    mail = replace(plain_mail(), html="<script>alert(1)</script>", sent_at=NOW)
    await mailbox.deliver(mail)
    app = mailbox_app(settings, mailbox)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        for path in ("/dev/mail", f"/dev/mail/{mail.id}", f"/dev/mail/{mail.id}/html"):
            policy = (await client.get(path)).headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "script-src" not in policy
            assert "unsafe-inline" not in policy
            assert "allow-scripts" not in policy
            assert "allow-same-origin" not in policy
