"""A factory is a method to everybody but to whoever takes it for a dependency."""

from __future__ import annotations

import inspect
import pydoc
from collections.abc import Iterable
from functools import partial
from unittest import mock

import pytest

from keywright.core.errors import ConfigurationError
from keywright.core.web.factory import requirement_factory


class House:
    """Makes keys."""

    def __init__(self, name: str) -> None:
        self.name = name

    @requirement_factory
    def key(self, *, doors: Iterable[str] = ()) -> str:
        """A key for some doors."""
        return f"{self.name}: {' '.join(doors)}"

    @requirement_factory
    def key_to(self, door: str) -> str:
        """A key for one door."""
        return self.key(doors=[door])


class Palace(House):
    @requirement_factory
    def key_to(self, door: str) -> str:
        return f"golden {super().key_to(door)}"


def test_it_is_called_as_the_method_that_it_is() -> None:
    house = House("ours")
    assert house.key() == "ours: "
    assert house.key_to("cellar") == house.key_to(door="cellar") == "ours: cellar"
    assert House.key_to(house, "cellar") == "ours: cellar"
    assert Palace("theirs").key_to("cellar") == "golden theirs: cellar"
    with pytest.raises(TypeError, match="windows"):
        house.key(windows=3)  # type: ignore[call-arg]


def test_its_class_has_a_signature_for_documentation() -> None:
    assert list(inspect.signature(House.key).parameters) == ["self", "doors"]
    assert inspect.getdoc(House.key) == inspect.getdoc(House("ours").key) == "A key for some doors."
    text = pydoc.render_doc(House, renderer=pydoc.plaintext)
    assert "A key for some doors." in text
    assert "A key for one door." in text


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("key", r"Depends\(kw\.key\(\)\)"), ("key_to", r"Depends\(kw\.key_to\(…\)\)")],
)
def test_whoever_asks_an_instance_for_the_signature_is_told_what_to_write(
    name: str, sentence: str
) -> None:
    factory = getattr(House("ours"), name)
    for asked in (factory, partial(factory, "cellar")):
        with pytest.raises(ConfigurationError, match=sentence):
            inspect.signature(asked)


def test_tools_that_look_at_an_instance_find_nothing_odd() -> None:
    house = House("ours")
    assert "A key for some doors." in pydoc.render_doc(house.key, renderer=pydoc.plaintext)
    assert dict(inspect.getmembers(house))["key"].__name__ == "key"
    assert inspect.getmembers(house.key)
    assert repr(house.key) == "<requirement factory House.key>"
    for imitated in (mock.create_autospec(house), mock.create_autospec(House)("ours")):
        imitated.key.return_value = "one of wax"
        assert imitated.key(doors=["cellar"]) == "one of wax"
