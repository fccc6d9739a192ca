"""The names that applications may rely on: public_names.txt is the list, and changing it is a
decision that stands in a diff of its own.
"""

from __future__ import annotations

import ast
import enum
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

import keywright

FROZEN = Path(__file__).with_name("public_names.txt")
# Of these modules only what is named here: the rest of what they define is their own business.
CHOSEN = {
    "keywright.alembic": ("include_name",),
    "keywright.sqlite": ("configure",),
    "keywright.testing": (
        "KeywrightUnderTest",
        "Outbox",
        "SentMail",
        "keywright_instance",
        "kw",
        "kw_database",
    ),
}
MODULES = ("keywright", "keywright.tables", "keywright.verify", *CHOSEN)
# Their names, or the docstrings of their modules, say all there is to say.
NEED_NO_DOCSTRING = {
    "keywright.SignedOut",
    "keywright.UserDisabled",
    "keywright.alembic.include_name",
    "keywright.testing.kw",
}


def public() -> Iterator[tuple[str, Any]]:
    for module in sorted(MODULES):
        loaded = import_module(module)
        for name in sorted(CHOSEN.get(module) or loaded.__all__):
            yield f"{module}.{name}", getattr(loaded, name)


def described(name: str, thing: Any) -> Iterator[str]:
    """One line for it, and one for each name that hangs on it."""
    if not inspect.isclass(thing):
        yield name + (parameters(thing) if inspect.isfunction(thing) else "")
        return
    yield name + (parameters(thing) if is_made_by_calling(thing) else "")
    for member in sorted(members(thing)):
        found = inspect.getattr_static(thing, member, None)
        function = getattr(found, "__func__", found)
        yield f"{name}.{member}{parameters(function) if inspect.isfunction(function) else ''}"


def is_made_by_calling(kind: type) -> bool:
    """Of the others Python's or a library's version decides the signature."""
    return not issubclass(kind, (enum.Enum, BaseModel))


def members(kind: type) -> set[str]:
    if issubclass(kind, enum.Enum):
        return {one.name for one in kind}
    if issubclass(kind, BaseModel):  # the settings, which docs/reference/settings.md lists
        return set()
    ours = [base for base in kind.__mro__ if base.__module__.startswith("keywright")]
    names = {name for base in ours for name in [*vars(base), *inspect.get_annotations(base)]}
    return {name for name in names if not name.startswith("_")}


def parameters(function: Any) -> str:
    """Their names and which may be left out; types are mypy's business (tests/types)."""
    plain = [
        one.replace(annotation=one.empty, default=one.empty if one.default is one.empty else ...)
        for one in inspect.signature(function).parameters.values()
        if one.name != "self"
    ]
    return str(inspect.Signature(plain)).replace("=Ellipsis", "=…")


def test_the_public_names_are_those_that_were_decided_on() -> None:
    names = [line for name, thing in public() for line in described(name, thing)]
    assert names == FROZEN.read_text().splitlines()


def test_no_public_name_is_underscored_or_named_twice() -> None:
    for module in MODULES:
        names = [
            name.rpartition(".")[2] for name, _ in public() if name.rpartition(".")[0] == module
        ]
        assert names
        assert len(names) == len(set(names))
        assert not [name for name in names if name.startswith("_")]


def test_what_type_checkers_see_is_what_there_is() -> None:
    """Names are loaded late, so that the same list stands in three places."""
    assert sorted(keywright.HOMES) == sorted(keywright.__all__) == dir(keywright)
    assert seen_by_type_checkers(Path(keywright.__file__).read_text()) == keywright.HOMES


def seen_by_type_checkers(source: str) -> dict[str, str]:
    """Each name and the module it comes from, in `if TYPE_CHECKING`."""
    (block,) = (node for node in ast.parse(source).body if isinstance(node, ast.If))
    return {
        alias.name: f"keywright.{alias.name}" if line.module == "keywright" else str(line.module)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }


def test_every_public_name_says_what_it_is() -> None:
    """Tables aside, whose columns do."""
    judged = [
        (name, thing) for name, thing in public() if not isinstance(thing, sa.schema.SchemaItem)
    ]
    assert {name for name, thing in judged if not own_docstring(thing)} == NEED_NO_DOCSTRING


def own_docstring(thing: Any) -> str:
    """Not one of a base class, nor the signature that a dataclass writes for itself."""
    if not inspect.isclass(thing):
        return inspect.getdoc(getattr(thing, "__wrapped__", thing)) or ""
    text = vars(thing).get("__doc__") or ""
    return "" if text.startswith(f"{thing.__name__}(") else text


class Thing:
    def __init__(self, first: int, /, second: int = 2, *, third: str, **rest: str) -> None: ...

    @staticmethod
    def plain(one: int) -> None: ...

    @property
    def valued(self) -> int:
        return 1

    def _hidden(self) -> None: ...


def test_a_name_is_described_with_all_that_hangs_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Thing, "__module__", "keywright.imagined")
    assert list(described("it", Thing)) == [
        "it(first, /, second=…, *, third, **rest)",
        "it.plain(one)",
        "it.valued",
    ]
    assert own_docstring(Thing) == ""
