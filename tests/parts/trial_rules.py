"""Whether the entries of tests/security/rules.toml can be tried: `python -m parts.trial_rules`.

Reads a list of entries from standard input and answers a list of flaws, each a sentence or null. It
is a process of its own because some replacements change other modules as they are made.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from parts import sabotage

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    sabotage.load_everything()
    json.dump([flaw(rule) for rule in json.load(sys.stdin)], sys.stdout)


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


if __name__ == "__main__":
    main()
