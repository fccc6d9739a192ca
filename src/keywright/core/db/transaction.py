"""What the transactions of every database have in common: when they refuse, what follows them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

FAILED = (
    "A statement of this transaction failed, so nothing of it is kept: let the error leave the "
    "`async with`, and go on in a new transaction."
)
ENDED = "This transaction has ended: use its handle only inside the `async with`."


class TransactionLife:
    """From BEGIN to COMMIT. A failed statement leaves nothing to do but roll back, everywhere:
    PostgreSQL insists on it, the others follow.
    """

    def __init__(self) -> None:
        self._refusal: str | None = None
        self._callbacks: list[Callable[[], None]] = []

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the COMMIT has returned; never on a rollback."""
        self._callbacks.append(callback)

    def refuse_if_over(self) -> None:
        if self._refusal is not None:
            raise RuntimeError(self._refusal)

    @contextmanager
    def statement(self) -> Iterator[None]:
        """Around each statement: none after a failed one, none after the end."""
        self.refuse_if_over()
        try:
            yield
        except BaseException:
            self._refusal = FAILED
            raise

    @contextmanager
    def body(self) -> Iterator[None]:
        """Around the body: raises if a statement failed and nobody let the error out."""
        try:
            yield
            self.refuse_if_over()
        finally:
            self._refusal = ENDED

    def committed(self) -> None:
        """The change stands, so a callback that fails must not look like a failed change."""
        for callback in self._callbacks:
            try:
                callback()
            except Exception:
                log.exception("%r failed after its change was committed", callback)
