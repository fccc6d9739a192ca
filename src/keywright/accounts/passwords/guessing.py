"""How hard a password is to guess, by zxcvbn. Imported where the first password is judged."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from zxcvbn import (  # type: ignore[import-untyped]  # zxcvbn ships no types
    feedback,
    matching,
    scoring,
    time_estimates,
)

ASSESSED = 72  # characters
MOST_WORK = 60_000  # l33t spellings times squared length: about 50 ms


@dataclass(frozen=True, slots=True)
class Strength:
    """`score` is zxcvbn's, 0 (guessed at once) to 4; `feedback` are sentences for the person."""

    score: int
    feedback: tuple[str, ...]


def rate(password: str, words: list[str]) -> Strength:
    """`zxcvbn.zxcvbn`, without its dictionary of user inputs that all threads share."""
    if not password:
        return Strength(0, tuple(feedback.get_feedback(0, [])["suggestions"]))
    dictionaries = {
        **matching.RANKED_DICTIONARIES,
        "user_inputs": matching.build_ranked_dict(words),
    }
    matches = matching.omnimatch(password, dictionaries)
    found = scoring.most_guessable_match_sequence(password, matches)
    score = time_estimates.guesses_to_score(found["guesses"])
    advice = feedback.get_feedback(score, found["sequence"])
    return Strength(score, tuple(filter(None, (advice["warning"], *advice["suggestions"]))))


def assessable_part(password: str) -> str:
    """The beginning that zxcvbn can judge in a bounded time: it raises beyond 72 characters, and
    72 of the characters that may stand for letters (`4@8({…`) would take it seconds.
    """
    length = min(len(password), ASSESSED)
    while l33t_spellings(password[:length]) * length**2 > MOST_WORK:
        length -= 1
    return password[:length]


def l33t_spellings(password: str) -> int:
    table = matching.relevant_l33t_subtable(password, matching.L33T_TABLE)
    return prod(len(characters) for characters in table.values())
