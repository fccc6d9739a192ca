"""tests/security/rules.toml holds what `make sabotage` needs, seen long before that has run.

Not every test in tests/security guards a rule: some show the other side of one (who *is* let in), so
that a defence cannot be had by refusing everybody.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "security"
RULES: list[dict[str, str]] = tomllib.loads((FOLDER / "rules.toml").read_text())["rule"]
GOOD = RULES[0]
UNTRIABLE = [
    ({"test": f"{GOOD['test']}_any_more"}, "there is no tests/security"),
    ({"test": "tests/security/test_gone.py::test_gone"}, "there is no tests/security"),
    ({"defence": f"{GOOD['defence']}_any_more"}, "there is no keywright"),
    ({"defence": "keywright.gone:gone"}, "there is no keywright"),
    ({"defence": "keywright.protocol.jws"}, "there is no keywright"),
    ({"defence": "keywright.core.unsafe_settings:SECRET_KEY_MIN_LENGTH"}, "is no function"),
    ({"replace": "lambda: ("}, "SyntaxError"),
    ({"replace": "orignal"}, "NameError"),
    ({"replace": "None"}, "is no function"),
    ({"replaces": "original"}, "an entry has"),
]


@pytest.fixture(scope="module")
def flaws() -> list[str | None]:
    """Of every rule, then of every entry of `UNTRIABLE`."""
    entries = [*RULES, *({**GOOD, **change} for change, _ in UNTRIABLE)]
    answer = subprocess.run(
        [sys.executable, "-m", "parts.trial_rules"],
        cwd=ROOT / "tests",
        input=json.dumps(entries),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: list[str | None] = json.loads(answer.stdout)
    return found


def test_every_rule_names_a_test_and_a_defence_that_exist(flaws: list[str | None]) -> None:
    of_rules = zip(RULES, flaws, strict=False)
    assert {rule.get("rule", "?"): said for rule, said in of_rules if said} == {}


def test_no_rule_is_told_twice() -> None:
    assert [text for text, times in Counter(r["rule"] for r in RULES).items() if times > 1] == []


def test_every_file_of_security_tests_guards_a_rule() -> None:
    guarding = {rule["test"].partition("::")[0] for rule in RULES}
    assert {str(path.relative_to(ROOT)) for path in FOLDER.glob("test_*.py")} <= guarding


@pytest.mark.parametrize("number", range(len(UNTRIABLE)), ids=[said for _, said in UNTRIABLE])
def test_an_entry_that_cannot_be_tried_is_seen(number: int, flaws: list[str | None]) -> None:
    _, said = UNTRIABLE[number]
    assert said in (flaws[len(RULES) + number] or "")
