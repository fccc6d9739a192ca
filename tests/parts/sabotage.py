"""How `scripts/sabotage.py` takes a defence away: in every module of ours that has it.

The modules are loaded first, so that `from … import defence` cannot keep the good one.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from typing import Any

import keywright


def load_everything() -> None:
    for module in pkgutil.walk_packages(keywright.__path__, "keywright."):
        if ".migrations." not in module.name or module.name.endswith((".state", ".upgrade")):
            importlib.import_module(module.name)


def replace_defence(defence: str, substitute: str) -> None:
    """`defence` is `module:qualname`; `substitute` an expression, which may use `original`."""
    owner, name, original = find(defence)
    replacement = eval(substitute, {"original": original})
    if inspect.iscoroutinefunction(original) and not inspect.iscoroutinefunction(replacement):
        replacement = answering_later(replacement)
    if inspect.ismodule(owner):
        replace_everywhere(original, replacement)
    elif isinstance(vars(owner)[name], (staticmethod, classmethod)):
        setattr(owner, name, staticmethod(replacement))
    else:
        setattr(owner, name, replacement)


def find(defence: str) -> tuple[Any, str, Any]:
    """The module or class that has the function, its name there, and the function."""
    module, _, qualname = defence.partition(":")
    *path, name = qualname.split(".")
    owner: Any = importlib.import_module(module)
    for part in path:
        owner = getattr(owner, part)
    return owner, name, getattr(owner, name)


def replace_everywhere(original: Any, replacement: Any) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("keywright"):
            for attribute, value in list(vars(module).items()):
                if value is original:
                    setattr(module, attribute, replacement)


def answering_later(function: Any) -> Any:
    async def later(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return later
