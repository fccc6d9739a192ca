"""A process that writes mails and delivers them until it is killed, or until none is left.

`python -m parts.courier_process DATABASE_URL MAIL_URL write|deliver SECONDS_AHEAD`
prints the id of each message once its COMMIT has returned: that is the acknowledgement.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from keywright.core.clock import ManualClock
from keywright.core.crypto import MasterSecrets
from keywright.core.db.url import open_database
from keywright.core.settings import Settings
from keywright.outbox import service
from keywright.outbox.channels.mail.channel import KIND, MailChannel, mail_transports
from keywright.outbox.delivery import Courier

SECRET = "a master secret of this process alone"


async def main(database_url: str, mail_url: str, task: str, ahead: str) -> None:
    db, secrets = open_database(database_url), MasterSecrets(SECRET)
    clock = ManualClock(datetime.now(UTC) + timedelta(seconds=float(ahead)))
    settings = Settings(_env_file=None, mail_url=mail_url, mail_from="accounts@example.test")
    await db.open()
    courier = Courier(db, secrets, clock, poll_seconds=0.05)
    courier.register(KIND, MailChannel(settings, mail_transports(settings, None)).deliver)
    courier.start()
    while task == "write":
        async with db.transaction() as tx:
            message_id = await service.enqueue(
                tx, secrets, kind=KIND, payload=payload(clock), now=clock.now()
            )
            tx.after_commit(courier.wake)
        sys.stdout.write(f"{message_id}\n")
        sys.stdout.flush()
        await asyncio.sleep(0.005)
    while (await service.backlog(db, clock.now())).depth:  # noqa: ASYNC110 - other processes too
        await asyncio.sleep(0.02)
    await courier.stop()
    await db.close()


def payload(clock: ManualClock) -> dict[str, str]:
    return {
        "template": "security_notice",
        "to": "ada@example.test",
        "at": clock.now().isoformat(),
        "subject": "Something was changed",
        "what": "Something was changed.",
    }


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
