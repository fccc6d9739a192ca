"""Tests that look at the pages as people do: with a browser, at a server of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from typing import Any

import pytest
from parts.browser import Chromium, chromium
from parts.person import Person
from parts.server import keywright_server

__all__ = ["chromium"]

NUMBERS = count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """Run the test where the browser lives."""
    browser: Chromium = pyfuncitem.funcargs["chromium"]
    names = pyfuncitem._fixtureinfo.argnames
    browser.run(partial(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `keywright serve` is, as `make run` starts it."""
    folder = tmp_path_factory.mktemp("program")
    with keywright_server(folder, {"RATE_LIMITS": "off"}) as server:
        yield server.base_url


@pytest.fixture
def site(program: str) -> str:
    """What people look at, unless a module of tests has an application of its own for it."""
    return program


@pytest.fixture
def address() -> str:
    """An e-mail address that no other test knows."""
    return f"person{next(NUMBERS)}@example.test"


@pytest.fixture
def somebody(chromium: Chromium, site: str) -> Iterator[Callable[..., Person]]:
    """A person with a new browser profile; `options` are Playwright's. At the end no browser may
    have complained about anything.
    """
    people: list[Person] = []
    profiles = ExitStack()

    def arrive(**options: Any) -> Person:
        profile, watch = profiles.enter_context(chromium.profile(**options))
        people.append(Person(profile, watch, site))
        return people[-1]

    yield arrive
    chromium.run(profiles.close)
    for person in people:
        person.watch.require_silence()
