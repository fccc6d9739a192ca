"""A code means one thing, and each sentence is one. That contract/error_codes.json lists the codes
of the code and no other is what `write_contract.py --check` sees.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from parts.sabotage import load_everything

import keywright
from keywright.core.errors import KeywrightError

SOURCE = Path(keywright.__file__).parent
CODE = re.compile(r"[a-z]+(_[a-z]+)*")
DETAIL_COMES_THIRD = "FieldError"


@cache
def our_errors() -> list[type[KeywrightError]]:
    load_everything()
    return [error for error in family(KeywrightError) if error.__module__.startswith("keywright.")]


def family(error: type[KeywrightError]) -> Iterator[type[KeywrightError]]:
    yield error
    for child in error.__subclasses__():
        yield from family(child)


def two_meanings(errors: list[type[KeywrightError]]) -> list[str]:
    """Codes whose errors differ in what contract/error_codes.json says of them."""
    meanings: dict[str, set[tuple[int, str]]] = {}
    for error in errors:
        meanings.setdefault(error.code, set()).add((error.status, error.title))
    return [code for code, said in meanings.items() if len(said) > 1]


def test_errors_of_one_code_have_one_status_and_one_title() -> None:
    assert two_meanings(our_errors()) == []


def test_a_code_with_two_meanings_is_seen() -> None:
    class Gone(KeywrightError):
        status, code, title = 404, "gone", "Gone"

    class GoneForGood(KeywrightError):
        status, code, title = 410, "gone", "Gone"

    assert two_meanings([Gone, GoneForGood]) == ["gone"]


def test_a_code_is_a_word_that_clients_can_switch_on() -> None:
    assert [error for error in our_errors() if not CODE.fullmatch(error.code)] == []


def test_every_class_of_errors_says_what_to_do_in_a_sentence() -> None:
    assert [error for error in our_errors() if not is_sentence(error.detail)] == []


def test_titles_are_headings() -> None:
    assert [error for error in our_errors() if not is_heading(error.title)] == []


def is_sentence(text: str) -> bool:
    return text.endswith(".") and len(text) > 10 and text == text.strip()


def is_heading(text: str) -> bool:
    return text[:1].isupper() and text[-1:].isalnum()


def test_every_sentence_that_an_error_is_raised_with_is_one() -> None:
    names = {error.__name__ for error in our_errors()}
    found = [
        f"{path.relative_to(SOURCE)}: {ending}"
        for path in sorted(SOURCE.rglob("*.py"))
        for ending in endings(ast.parse(path.read_text()), names)
        if not ending.endswith(".")
    ]
    assert found == []


def endings(tree: ast.AST, errors: set[str]) -> Iterator[str]:
    """How the details end that are written where an error is made."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (detail := detail_of(node, errors)) is not None:
            yield from written_ending(detail)


def detail_of(call: ast.Call, errors: set[str]) -> ast.expr | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in errors | {DETAIL_COMES_THIRD}:
        return None
    named = [keyword.value for keyword in call.keywords if keyword.arg == "detail"]
    position = 2 if name == DETAIL_COMES_THIRD else 0
    return next(iter([*named, *call.args[position : position + 1]]), None)


def written_ending(detail: ast.expr) -> Iterator[str]:
    """Nothing for what is only known when it runs."""
    last = detail.values[-1] if isinstance(detail, ast.JoinedStr) else detail
    if isinstance(last, ast.Constant) and isinstance(last.value, str):
        yield last.value


@pytest.mark.parametrize(
    ("source", "ending"),
    [
        ("raise Forbidden('Not you')", "Not you"),
        ("raise errors.Forbidden(detail='Not you')", "Not you"),
        ("raise Forbidden('Not ' f'{name}, ' 'not here')", "not here"),
        ("FieldError('email', 'taken', 'Taken')", "Taken"),
    ],
)
def test_a_detail_is_found_where_it_is_written(source: str, ending: str) -> None:
    (found,) = endings(ast.parse(source), {"Forbidden"})
    assert found.endswith(ending)


@pytest.mark.parametrize(
    "source", ["raise Forbidden", "raise Forbidden(f'Not {name}')", "raise ValueError('Not you')"]
)
def test_what_is_not_written_is_not_judged(source: str) -> None:
    assert list(endings(ast.parse(source), {"Forbidden"})) == []
