from __future__ import annotations

import asyncio
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts.hashing import quick_settings
from zxcvbn import zxcvbn

from keywright.accounts.passwords.errors import Overloaded, UnusablePassword, WeakPassword
from keywright.accounts.passwords.guessing import ASSESSED, Strength, assessable_part, rate
from keywright.accounts.passwords.strength import (
    assess,
    check_new_password,
    one_at_a_time,
    words_of,
)
from keywright.core.settings import Settings

pytestmark = pytest.mark.anyio
STRONG = "correct horse battery staple"
LETTER_LIKE = "4@8({[<3691!|7%0$5+2" * 4  # takes zxcvbn two seconds at full length


@pytest.mark.parametrize("password", ["password", "P4$$w0rd!", "qwertyuiop", "aaaaaaaa", STRONG])
async def test_the_score_and_the_advice_are_zxcvbns(password):
    reference = zxcvbn(password)
    advice = reference["feedback"]
    sentences = tuple(filter(None, [advice["warning"], *advice["suggestions"]]))
    assert await assess(password) == Strength(reference["score"], sentences)


async def test_what_the_person_is_known_by_is_easy_to_guess():
    assert (await assess("zworykin1889")).score > 1
    assert (await assess("zworykin1889", ["vladimir.zworykin@example.com"])).score <= 1


async def test_what_one_person_is_known_by_counts_for_nobody_else():
    await assess("zworykin1889", ["zworykin"])
    assert (await assess("zworykin1889")).score > 1


def test_inputs_are_taken_apart_into_words():
    assert list(words_of(["Ada.Lovelace@example.com", "", "Al"])) == [
        "ada.lovelace@example.com",
        "ada",
        "lovelace",
        "example",
        "com",
    ]


async def test_hostile_inputs_are_bounded():
    began = time.monotonic()
    await assess(STRONG, ["x" * 1_000_000] * 10_000)
    assert time.monotonic() - began < 1


async def test_nothing_typed_is_the_weakest():
    strength = await assess("")
    assert strength.score == 0
    assert strength.feedback


def test_ordinary_passwords_are_judged_whole():
    for password in (STRONG, "Tr0ub4dor&3", "kX9$mQ2!vB7@", "パスワードは長いほうがいい"):
        assert assessable_part(password) == password
    assert assessable_part("x" * 200) == "x" * ASSESSED


@pytest.mark.parametrize("password", [LETTER_LIKE, LETTER_LIKE[:18] * 4, "{735@$2!(1d" * 7])
def test_hostile_passwords_are_judged_in_a_bounded_time(password):
    began = time.thread_time()
    rate(assessable_part(password), [])
    assert time.thread_time() - began < 0.5


@settings(deadline=None)
@given(st.text(max_size=80), st.lists(st.text(max_size=20), max_size=5))
def test_any_text_can_be_judged(password, user_inputs):
    assert 0 <= rate(assessable_part(password), list(words_of(user_inputs))).score <= 4


async def test_judging_happens_in_another_thread_one_at_a_time():
    async with one_at_a_time():
        waiting = asyncio.create_task(assess(STRONG))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
    assert (await waiting).score == 4
    assert threading.active_count() > 1


async def test_a_storm_of_questions_is_turned_away(monkeypatch):
    monkeypatch.setattr("keywright.accounts.passwords.strength.LONGEST_WAIT", 0.02)
    async with one_at_a_time():
        with pytest.raises(Overloaded):
            await asyncio.create_task(assess(STRONG))
    assert (await assess(STRONG)).score == 4


async def check(password: str, settings: Settings | None = None, **more) -> None:
    await check_new_password(password, settings=settings or quick_settings(), **more)


@pytest.mark.parametrize(
    "password",
    [
        STRONG,
        "kX9$mQ2!vB7@",
        "パスワードは長いほうがいい",
        "🔑🐴🔋📎🚲🌵🎻🦑",
    ],
)
async def test_good_passwords_pass(password):
    await check(password)


async def test_a_password_of_256_characters_passes():
    await check((STRONG + " ") * 8 + "x" * 24)


async def test_a_password_typed_decomposed_has_the_length_of_its_composed_form():
    await check("e\u0301" + "kX9$mQ2!vB7@" * 21)


async def test_a_refusal_names_the_field_and_gives_the_advice():
    with pytest.raises(WeakPassword) as caught:
        await check("password1", field="new_password")
    error = caught.value
    assert (error.status, error.code) == (422, "weak_password")
    assert {each.field for each in error.errors} == {"new_password"}
    assert {each.code for each in error.errors} == {"weak_password"}
    assert "This is a very common password." in error.detail
    assert error.detail == " ".join(each.detail for each in error.errors)


async def test_the_lowest_score_is_a_setting():
    good_enough = "zworykin18"
    await check(good_enough)
    with pytest.raises(WeakPassword) as caught:
        await check(good_enough, quick_settings(password_min_score=4))
    assert caught.value.errors
    await check("password", quick_settings(password_min_score=0))


async def test_every_refusal_is_one_family():
    for password in ("short", "\0" * 8, "x" * 300, "password"):
        with pytest.raises(UnusablePassword):
            await check(password)
