"""The outbox as flows see it (`core.context.Outbox`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from keywright.core.clock import Clock
from keywright.core.crypto import MasterSecrets
from keywright.core.db import Transaction
from keywright.outbox import service
from keywright.outbox.channels.mail.channel import KIND as MAIL
from keywright.outbox.channels.mail.mails import AccountDeleted, AnyMail, LinkMail


class OutboxWriter:
    """Writes messages in the caller's transaction; `wake` (the courier's) is called after it."""

    def __init__(self, secrets: MasterSecrets, clock: Clock, wake: Callable[[], None]) -> None:
        self._secrets = secrets
        self._clock = clock
        self._wake = wake

    async def add(self, tx: Transaction, kind: str, payload: Mapping[str, Any]) -> None:
        await self._enqueue(tx, kind, payload, expires_at=None)

    async def mail(self, tx: Transaction, mail: AnyMail) -> None:
        """The message expires with the link that it carries, or with its address."""
        expires_at = mail.expires_at if isinstance(mail, LinkMail | AccountDeleted) else None
        await self._enqueue(tx, MAIL, msgspec.to_builtins(mail), expires_at=expires_at)

    async def erase(self, tx: Transaction, concerns: Callable[[Mapping[str, Any]], bool]) -> int:
        """Forget the waiting messages whose payload `concerns` somebody; answers how many."""
        return await service.erase_concerning(tx, self._secrets, concerns)

    async def _enqueue(
        self, tx: Transaction, kind: str, payload: Mapping[str, Any], *, expires_at: datetime | None
    ) -> None:
        await service.enqueue(
            tx,
            self._secrets,
            kind=kind,
            payload=payload,
            now=self._clock.now(),
            expires_at=expires_at,
        )
        tx.after_commit(self._wake)
