"""What a new password must be: long enough, not too long, hard to guess, not known already."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from keywright.accounts.passwords.errors import (
    Overloaded,
    PasswordTooLong,
    PasswordTooShort,
    UnusablePassword,
    WeakPassword,
)
from keywright.accounts.passwords.normalization import LONGEST_TYPED, normalize
from keywright.core.settings import Settings

if TYPE_CHECKING:
    from keywright.accounts.passwords.breaches import BreachedPasswords
    from keywright.accounts.passwords.guessing import Strength

LONGEST = 256  # characters after NFKC
MOST_INPUTS, LONGEST_INPUT, SHORTEST_WORD = 32, 100, 3
LONGEST_WAIT = 2.0  # seconds
UNREADABLE = re.compile("[\x00\ud800-\udfff]")
ADVICE = "Add another word or two. Uncommon words are better."


async def check_new_password(
    password: str,
    *,
    settings: Settings,
    user_inputs: Iterable[str] = (),
    breaches: BreachedPasswords | None = None,
    field: str = "password",
) -> None:
    """Raises an `UnusablePassword`, or `Overloaded`. `field` names what carried the password."""
    refuse_unreadable(password, field=field)
    normalized = normalize(password[: LONGEST_TYPED + 1])
    refuse_short(normalized, settings.password_min_length, field=field)
    refuse_long(normalized, field=field)
    strength = await assess(normalized, user_inputs)
    refuse_weak(strength, settings.password_min_score, field=field)
    if breaches is not None:
        await breaches.refuse_breached(normalized, field=field)


def refuse_unreadable(password: str, *, field: str) -> None:
    """NUL ends a text in other systems, and half a surrogate pair is no character at all."""
    if UNREADABLE.search(password):
        raise UnusablePassword.because(
            "This password contains something that is no character. Please type it anew.",
            field=field,
        )


def refuse_short(normalized: str, shortest: int, *, field: str) -> None:
    if len(normalized) < shortest:
        raise PasswordTooShort.because(
            f"Use {shortest} characters or more; a few uncommon words are a good password.",
            field=field,
        )


def refuse_long(normalized: str, *, field: str) -> None:
    if len(normalized) > LONGEST:
        raise PasswordTooLong.because(f"Use {LONGEST} characters or fewer.", field=field)


def refuse_weak(strength: Strength, lowest_score: int, *, field: str) -> None:
    if strength.score < lowest_score:
        reasons = strength.feedback or (ADVICE,)
        raise WeakPassword.because(" ".join(reasons), field=field, reasons=reasons)


async def assess(password: str, user_inputs: Iterable[str] = ()) -> Strength:
    """How hard the password is to guess for who knows `user_inputs` (e-mail address, names).

    One at a time in each event loop, since zxcvbn holds the interpreter. Raises `Overloaded`.
    """
    words = list(islice(words_of(user_inputs), MOST_INPUTS))
    async with one_at_a_time():
        return await anyio.to_thread.run_sync(
            partial(guess, password, words),
            limiter=anyio.CapacityLimiter(1),  # the turn is ours: wait for nobody else's threads
        )


def guess(password: str, words: list[str]) -> Strength:
    """In a thread, which reads zxcvbn's lists of words (12 MB) at the first password."""
    from keywright.accounts.passwords.guessing import assessable_part, rate

    return rate(assessable_part(password), words)


def words_of(user_inputs: Iterable[str]) -> Iterator[str]:
    """Each input, and the words in it: `ada@example.com` is guessed by `ada` and `example` too."""
    for text in user_inputs:
        lowered = normalize(text[:LONGEST_INPUT]).lower()
        parts = re.split(r"[\W_]+", lowered)
        yield from dict.fromkeys(word for word in (lowered, *parts) if len(word) >= SHORTEST_WORD)


_turn: RunVar[anyio.CapacityLimiter] = RunVar("keywright_password_strength")


@asynccontextmanager
async def one_at_a_time() -> AsyncIterator[None]:
    limiter = _turn.get(None) or anyio.CapacityLimiter(1)
    _turn.set(limiter)
    try:
        with anyio.fail_after(LONGEST_WAIT):
            await limiter.acquire()
    except TimeoutError:
        raise Overloaded from None
    try:
        yield
    finally:
        limiter.release()
