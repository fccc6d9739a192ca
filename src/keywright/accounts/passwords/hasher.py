"""Hashes and verifies passwords in a bounded, fair pool of threads, never on the event loop."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

from argon2.exceptions import InvalidHashError, VerificationError

from keywright.accounts.passwords.argon2id import PREFIX, Argon2id
from keywright.accounts.passwords.foreign import UnusableHash, verify_foreign
from keywright.accounts.passwords.normalization import LONGEST_TYPED, encode, normalize
from keywright.accounts.passwords.queue import FairQueue
from keywright.accounts.passwords.slots import usable_slots
from keywright.core.log import get_logger
from keywright.core.settings import Settings

Result = TypeVar("Result")

NICENESS = 5  # the loop goes first; at 10 a busy neighbor leaves hashes a tenth of a core
log = get_logger("keywright.passwords")


class Hasher:
    """The `PasswordHasher` of `core.context`. `workers` is how many processes share the cores.

    `account` is the folded address or name *as it was typed*, so that whoever waits or is sent
    away learns nothing about what exists.
    """

    def __init__(self, settings: Settings, workers: int = 1) -> None:
        self._slots = usable_slots(workers)
        self._argon2id = Argon2id(settings.argon2_memory_kib, settings.argon2_time_cost)
        self._open()

    async def hash(self, password: str, *, network: str | None, account: str) -> str:
        """The hash to store. `strength.check_new_password` has judged the password before.

        Raises `Overloaded` or `TooManyRequests`, as `verify` does.
        """
        work = partial(hash_normalized, self._argon2id, password)
        return await self._queue.run(self._in_thread(work), network=network, account=account)

    async def verify(
        self,
        stored: str | None,
        password: str,
        *,
        network: str | None,
        account: str,
        known_device: bool = False,
    ) -> bool:
        """Whether `stored` is a hash of the password; None costs a real hash and is False."""
        work = partial(judge, self._argon2id, stored, password)
        return await self._queue.run(
            self._in_thread(work), network=network, account=account, known_device=known_device
        )

    def needs_rehash(self, stored: str) -> bool:
        """Whether the next right password should be hashed anew: foreign, or other parameters."""
        return not self._argon2id.is_current(stored)

    async def close(self) -> None:
        """Send away who waits; return when the running hashes have ended. It may be used again."""
        self._queue.close()
        await asyncio.to_thread(self._threads.shutdown)
        self._open()

    def _open(self) -> None:
        """Threads begin with the first hash."""
        self._queue = FairQueue(self._slots)
        self._threads = ThreadPoolExecutor(
            self._slots, thread_name_prefix="keywright-password", initializer=lower_own_priority
        )

    def _in_thread(self, work: Callable[[], Result]) -> Callable[[], asyncio.Future[Result]]:
        return partial(asyncio.get_running_loop().run_in_executor, self._threads, work)


def hash_normalized(argon2id: Argon2id, password: str) -> str:
    return argon2id.hash(encode(normalize(password)))


def judge(argon2id: Argon2id, stored: str | None, password: str) -> bool:
    """Never cheaper than a real hash for want of one."""
    typed = password[: LONGEST_TYPED + 1]
    if stored is None or len(typed) > LONGEST_TYPED:
        argon2id.pay_for_a_hash(encode(typed))
        return False
    try:
        if stored.startswith(PREFIX):
            return argon2id.verify(stored, encode(normalize(typed)))
        return verify_foreign(stored, typed)
    except (UnusableHash, VerificationError, InvalidHashError) as error:
        log.warning("unusable_hash", reason=str(error))
    argon2id.pay_for_a_hash(encode(typed))
    return False


def lower_own_priority() -> None:
    """On Linux a nice value belongs to a thread; elsewhere it would slow the whole process."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
