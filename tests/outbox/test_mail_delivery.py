"""From the row to a real mail server."""

from __future__ import annotations

import pytest
from parts.outbox import RESET, TOKEN, until
from parts.smtp import SmtpServer

from keywright.core.clock import ManualClock
from keywright.core.crypto import MasterSecrets
from keywright.core.db import Database
from keywright.core.settings import Settings
from keywright.outbox import service
from keywright.outbox.channels.mail.channel import KIND as MAIL
from keywright.outbox.channels.mail.channel import MailChannel, mail_transports
from keywright.outbox.delivery import Courier
from keywright.outbox.writer import OutboxWriter

pytestmark = pytest.mark.anyio


def mail_courier(
    db: Database, secrets: MasterSecrets, clock: ManualClock, settings: Settings
) -> Courier:
    courier = Courier(db, secrets, clock, poll_seconds=0.02)
    channel = MailChannel(settings, mail_transports(settings, None))
    courier.register(MAIL, channel.deliver)
    return courier


async def send_reset(
    db: Database, secrets: MasterSecrets, clock: ManualClock, courier: Courier
) -> None:
    async with db.transaction() as tx:
        await OutboxWriter(secrets, clock, courier.wake).mail(tx, RESET)


@pytest.fixture
def mail_settings(settings: Settings, smtp: SmtpServer) -> Settings:
    return settings.model_copy(update={"mail_url": smtp.url})


async def test_a_mail_refused_for_now_is_delivered_once_the_server_takes_it(
    db: Database,
    secrets: MasterSecrets,
    clock: ManualClock,
    mail_settings: Settings,
    smtp: SmtpServer,
) -> None:
    courier = mail_courier(db, secrets, clock, mail_settings)
    smtp.refuse("rcpt", "450 4.2.1 Greylisted")
    await send_reset(db, secrets, clock, courier)
    await courier.drain()
    assert smtp.mails == []
    smtp.behave()
    assert await courier.drain() == 0
    clock.advance(seconds=10)
    assert await courier.drain() == 1
    assert [TOKEN in mail.text() for mail in smtp.mails] == [True]


async def test_a_mail_refused_for_good_is_parked_with_the_reason(
    db: Database,
    secrets: MasterSecrets,
    clock: ManualClock,
    mail_settings: Settings,
    smtp: SmtpServer,
) -> None:
    courier = mail_courier(db, secrets, clock, mail_settings)
    smtp.refuse("rcpt", "550 5.1.1 No such user here")
    await send_reset(db, secrets, clock, courier)
    await courier.drain()
    (parked,) = await service.list_parked(db)
    assert parked.last_error == "The mail server refuses this recipient: 550 5.1.1."


async def test_a_mail_server_that_was_down_gets_its_mail_without_a_restart(
    db: Database,
    secrets: MasterSecrets,
    clock: ManualClock,
    mail_settings: Settings,
    smtp: SmtpServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    courier = mail_courier(db, secrets, clock, mail_settings)
    smtp.stop()
    courier.start()
    await send_reset(db, secrets, clock, courier)
    await until(lambda: "outbox_delivery_failed" in caplog.text)
    smtp.start()
    clock.advance(seconds=10)
    await until(lambda: len(smtp.mails) == 1)
    await courier.stop()
    assert (await service.backlog(db, clock.now())).depth == 0


async def test_a_mail_accepted_over_a_cut_connection_comes_twice_under_one_message_id(
    db: Database,
    secrets: MasterSecrets,
    clock: ManualClock,
    mail_settings: Settings,
    smtp: SmtpServer,
) -> None:
    courier = mail_courier(db, secrets, clock, mail_settings)
    smtp.hang_up("accepted")
    await send_reset(db, secrets, clock, courier)
    await courier.drain()
    smtp.behave()
    clock.advance(minutes=1)
    await courier.drain()
    first, second = smtp.mails
    assert first.content == second.content
    assert first.message_id == second.message_id
