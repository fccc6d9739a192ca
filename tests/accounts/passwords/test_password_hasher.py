from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import unicodedata

import pytest
from argon2 import PasswordHasher as ReferenceHasher
from parts.hashing import quick_settings

from keywright.accounts.passwords.errors import Overloaded
from keywright.accounts.passwords.hasher import NICENESS, Hasher, lower_own_priority
from keywright.accounts.passwords.normalization import LONGEST_TYPED
from keywright.core.settings import Settings

pytestmark = pytest.mark.anyio
WHO = {"network": "198.51.100.1", "account": "ada@example.com"}
RIGHT = "correct horse battery"


@pytest.fixture
async def hasher():
    hasher = Hasher(quick_settings())
    yield hasher
    await hasher.close()


async def test_a_hash_verifies_its_password_and_no_other(hasher):
    stored = await hasher.hash(RIGHT, **WHO)
    assert await hasher.verify(stored, RIGHT, **WHO)
    assert not await hasher.verify(stored, RIGHT + " ", **WHO)
    assert not await hasher.verify(stored, "", **WHO)


async def test_two_hashes_of_one_password_differ(hasher):
    assert await hasher.hash(RIGHT, **WHO) != await hasher.hash(RIGHT, **WHO)


async def test_hashes_are_standard_argon2id(hasher):
    reference = ReferenceHasher(time_cost=1, memory_cost=64, parallelism=1)
    assert reference.verify(await hasher.hash(RIGHT, **WHO), RIGHT)
    assert await hasher.verify(reference.hash(RIGHT), RIGHT, **WHO)


async def test_a_hash_of_other_parameters_verifies_and_is_due_for_a_rehash(hasher):
    stronger = Hasher(quick_settings(argon2_time_cost=2))
    old = await hasher.hash(RIGHT, **WHO)
    assert await stronger.verify(old, RIGHT, **WHO)
    assert stronger.needs_rehash(old)
    assert not stronger.needs_rehash(await stronger.hash(RIGHT, **WHO))
    await stronger.close()


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$", "$argon2id$v=19$m=64$x$y", "\ud800"])
async def test_a_damaged_hash_answers_false_and_is_due_for_a_rehash(hasher, stored):
    assert not await hasher.verify(stored, "plain", **WHO)
    assert hasher.needs_rehash(stored)


@pytest.mark.parametrize(
    "password",
    ["", "\0", "\ud800", "ﷺ" * 1000, "x" * 100_000, "e\u0301" * 256, "🔑" * 64, "パスワード"],
)
async def test_any_text_can_be_asked_about(hasher, password):
    stored = await hasher.hash(RIGHT, **WHO)
    assert not await hasher.verify(stored, password, **WHO)


async def test_the_longest_password_may_be_typed_decomposed(hasher):
    password = "\u1f82" * 256  # NFKC's shortest form of four typed characters each
    typed = unicodedata.normalize("NFD", password)
    assert len(typed) == LONGEST_TYPED
    assert await hasher.verify(await hasher.hash(password, **WHO), typed, **WHO)


async def test_hashing_does_not_block_the_event_loop():
    hasher = Hasher(Settings(_env_file=None))
    hashing = asyncio.create_task(hasher.hash(RIGHT, **WHO))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 50
    await hasher.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness")
def test_hashing_threads_are_nice_and_no_others():
    before = os.getpriority(os.PRIO_PROCESS, 0)
    niceness = []

    def work():
        lower_own_priority()
        niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert niceness == [max(before, NICENESS)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


async def test_closing_waits_for_running_hashes_and_refuses_new_ones():
    hasher = Hasher(Settings(_env_file=None))
    running = asyncio.create_task(hasher.hash(RIGHT, **WHO))
    await asyncio.sleep(0)
    closing = asyncio.create_task(hasher.close())
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await hasher.hash(RIGHT, **WHO)
    await closing
    assert (await running).startswith("$argon2id$")


async def test_what_was_closed_may_be_used_again(hasher):
    await hasher.close()
    stored = await hasher.hash(RIGHT, **WHO)
    await hasher.close()
    assert await hasher.verify(stored, RIGHT, **WHO)


async def test_an_unusable_hash_is_logged_without_the_hash(hasher, caplog):
    secret = "$argon2id$v=19$m=64,t=1,p=1$nobody$sees-this"
    assert not await hasher.verify(secret, RIGHT, **WHO)
    assert "unusable_hash" in caplog.text
    assert "sees-this" not in caplog.text


async def test_a_hasher_belongs_to_no_event_loop():
    hasher = Hasher(quick_settings())
    stored = await hasher.hash(RIGHT, **WHO)
    started = time.monotonic()
    answer = await asyncio.to_thread(lambda: asyncio.run(hasher.verify(stored, RIGHT, **WHO)))
    assert answer
    assert time.monotonic() - started < 2
    await hasher.close()
