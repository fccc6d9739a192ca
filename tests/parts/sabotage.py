"""The pytest plugin of `scripts/sabotage.py`: replaces one defence before any test is collected.

The function is replaced in every module of ours that has it under any name, so that
`from … import defence` does not keep the good one.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import sys
from typing import Any

import keywright


def pytest_configure() -> None:
    module_name, _, qualname = os.environ["SABOTAGE_DEFENCE"].partition(":")
    load_everything()
    owner: Any = importlib.import_module(module_name)
    *path, name = qualname.split(".")
    for part in path:
        owner = getattr(owner, part)
    defence = vars(owner)[name]
    original = getattr(owner, name)
    substitute = eval(os.environ["SABOTAGE_REPLACE"], {"original": original})  # noqa: S307 - ours
    if isinstance(defence, (staticmethod, classmethod)):
        substitute = staticmethod(substitute)
    if is_async(original) and not is_async(substitute):
        substitute = answering_later(substitute)
    setattr(owner, name, substitute)
    if not path:
        replace_imported(original, substitute)


def load_everything() -> None:
    for module in pkgutil.walk_packages(keywright.__path__, "keywright."):
        if ".migrations." not in module.name:
            importlib.import_module(module.name)


def replace_imported(original: Any, substitute: Any) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("keywright"):
            for attribute, value in list(vars(module).items()):
                if value is original:
                    setattr(module, attribute, substitute)


def is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function)


def answering_later(function: Any) -> Any:
    async def later(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return later
