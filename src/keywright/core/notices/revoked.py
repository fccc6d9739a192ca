"""What this process knows to be revoked, in memory."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from keywright.core.notices.models import Notice, Subject


class Revoked:
    """Never full: what is forgotten early would work again. Entries live as long as a token."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, UUID], datetime] = {}

    def remember(self, notice: Notice) -> None:
        if notice.kind == Subject.USER_CHANGED:
            return
        key = (notice.kind, notice.subject)
        known = self._known.get(key)
        if known is None or known < notice.revoked_at:
            self._known.pop(key, None)  # keeps the dict in the order of revocation
            self._known[key] = notice.revoked_at

    def covers(self, kind: Subject, subject: UUID, issued_at: datetime) -> bool:
        """Whether a credential of that time is revoked.

        Whole seconds and milliseconds were rounded down, so `<=` never lets one pass that was
        issued before; one issued in the same second (millisecond) after counts as revoked too.
        """
        revoked_at = self._known.get((kind, subject))
        if revoked_at is None:
            return False
        return kind is not Subject.USER or issued_at <= revoked_at

    def forget_before(self, moment: datetime) -> None:
        while self._known:
            oldest = next(iter(self._known))
            if self._known[oldest] >= moment:
                return
            del self._known[oldest]

    def __len__(self) -> int:
        return len(self._known)
