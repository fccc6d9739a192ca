"""Characters that no reader sees, and that could forge a line or steer a terminal."""

from __future__ import annotations

import re
import unicodedata

# Control characters (a tab apart), line separators, overrides of the writing direction, and halves
# of surrogate pairs, which no stream takes.
CONTROL = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
CONTROL_OR_SEPARATOR = frozenset({"Cc", "Zl", "Zp"})  # Unicode's general categories


def escape_controls(text: str) -> str:
    """As Python would write them in a string."""
    return CONTROL.sub(lambda match: ascii(match.group())[1:-1], text)


def escape_controls_in_json(text: str) -> str:
    """Such as JSON lets stand in its strings. Between its strings are line breaks alone."""
    return CONTROL.sub(escape_as_json, text)


def escape_as_json(match: re.Match[str]) -> str:
    character = match.group()
    return character if character == "\n" else f"\\u{ord(character):04x}"


def has_controls(text: str) -> bool:
    return any(unicodedata.category(character) in CONTROL_OR_SEPARATOR for character in text)
