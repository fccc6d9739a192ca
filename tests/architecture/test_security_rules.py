"""tests/security/rules.toml holds what `make sabotage` needs, seen long before that has run.

Not every test in tests/security guards a rule: some show the other side of one (who *is* let in), so
that a defence cannot be had by refusing everybody.
"""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from parts import sabotage

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "security"
RULES: list[dict[str, str]] = tomllib.loads((FOLDER / "rules.toml").read_text())["rule"]
GOOD = RULES[0]


@pytest.fixture(scope="module", autouse=True)
def _everything() -> None:
    sabotage.load_everything()


def flaw(rule: dict[str, str]) -> str | None:
    """What keeps this entry from being tried."""
    if not {"rule", "test", "defence"} <= rule.keys() <= {"rule", "test", "defence", "replace"}:
        return "an entry has rule, test, defence and perhaps replace"
    file, _, test = rule["test"].partition("::")
    if test not in names_in(file):
        return f"there is no {rule['test']}"
    try:
        _, _, defence = sabotage.find(rule["defence"])
    except (ImportError, AttributeError, ValueError):
        return f"there is no {rule['defence']}"
    return flaw_of_replacement(rule.get("replace"), defence)


def flaw_of_replacement(replace: str | None, original: Any) -> str | None:
    if not is_function(original):
        return f"{original!r} is no function"
    if replace is None:
        return None
    try:
        replacement = eval(replace, {"original": original})
    except Exception as error:  # noqa: BLE001 - whatever the expression raises, it is of no use
        return f"{replace}: {error!r}"
    return None if is_function(replacement) else f"{replace} is no function"


def is_function(thing: Any) -> bool:
    return callable(thing) or isinstance(thing, property)


@cache
def names_in(file: str) -> set[str]:
    """As pytest writes them after the file: `test_it`, `TestThem::test_it`."""
    path = ROOT / file
    return set(names_of_tests(ast.parse(path.read_text()))) if path.is_file() else set()


def names_of_tests(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{name}" for name in names_of_tests(node))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name


def test_every_rule_names_a_test_and_a_defence_that_exist() -> None:
    flaws = {rule.get("rule", "?"): flaw(rule) for rule in RULES}
    assert {text: said for text, said in flaws.items() if said} == {}


def test_no_rule_is_told_twice() -> None:
    assert [text for text, times in Counter(r["rule"] for r in RULES).items() if times > 1] == []


def test_every_file_of_security_tests_guards_a_rule() -> None:
    guarding = {rule["test"].partition("::")[0] for rule in RULES}
    assert {str(path.relative_to(ROOT)) for path in FOLDER.glob("test_*.py")} <= guarding


@pytest.mark.parametrize(
    ("change", "said"),
    [
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
    ],
)
def test_an_entry_that_cannot_be_tried_is_seen(change: dict[str, str], said: str) -> None:
    assert flaw(GOOD) is None
    assert said in (flaw({**GOOD, **change}) or "")
