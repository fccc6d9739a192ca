from __future__ import annotations

import json

import pytest

from keywright.core.control_characters import (
    escape_controls,
    escape_controls_in_json,
    has_controls,
)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Ada\t李 é", "Ada\t李 é"),
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("\x9b\x7f", "\\x9b\\x7f"),
        ("\u2028\u202e\u2066", "\\u2028\\u202e\\u2066"),
        ("\ud800", "\\ud800"),
        ("\u200e\u200d", "\u200e\u200d"),
    ],
)
def test_what_steers_a_terminal_is_shown_instead(text: str, escaped: str) -> None:
    assert escape_controls(text) == escaped


def test_json_stays_the_same_value() -> None:
    value = {"name": "a\x9b\u2028\u202e\n\x1b", "é": 1}
    escaped = escape_controls_in_json(json.dumps(value, indent=2, ensure_ascii=False))
    assert json.loads(escaped) == value
    assert len(escaped.splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "has"), [("", False), ("Ada\u200f ✨", False), ("a\tb", True), ("\u2029", True)]
)
def test_line_breaks_and_tabs_are_control_characters_too(text: str, has: bool) -> None:
    assert has_controls(text) is has
