"""Write docs/reference/settings.md from the `Settings` class.

`python scripts/write_settings_reference.py` writes it; with `--check` it only compares.
"""

from __future__ import annotations

import sys
import types
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from keywright.core.settings import Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "settings.md"
INTRODUCTION = """\
# Settings

<!-- Written by scripts/write_settings_reference.py from the Settings class: change that. -->

Each setting is an environment variable, a line of `.env`, or a key of `keywright.toml` (there in
lower case, without the prefix: `base_url = "https://accounts.example.com"`). The environment wins
over `.env`, that over `keywright.toml`. Development needs none of them. `keywright doctor` says
what to change.

In production these are needed: `KEYWRIGHT_ENV=production`, `KEYWRIGHT_BASE_URL` (https),
`KEYWRIGHT_SECRET_KEY`, `KEYWRIGHT_MAIL_URL` and `KEYWRIGHT_MAIL_FROM`.

"""


def main() -> int:
    page = write_page()
    if sys.argv[1:] == ["--check"]:
        return say_difference(page)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    return 0


def say_difference(page: str) -> int:
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    print(f"{PAGE.name} is not what the Settings class says: run {Path(__file__).name}.")
    return 1


def write_page() -> str:
    return INTRODUCTION + "\n".join(
        write_setting(name, field) for name, field in Settings.model_fields.items()
    )


def write_setting(name: str, field: FieldInfo) -> str:
    return (
        f"## `KEYWRIGHT_{name.upper()}`\n\n{field.description}\n\n"
        f"- Takes: {describe_values(field)}\n"
        f"- Default: {describe_default(field)}\n"
        f"- Example: {describe_example(field)}\n"
    )


def describe_values(field: FieldInfo) -> str:
    return f"{describe_type(field.annotation)}{describe_bounds(field)}"


def describe_type(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin in {Union, types.UnionType}:
        (only,) = (each for each in get_args(annotation) if each is not type(None))
        return describe_type(only)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{each.value}`" for each in annotation)
    if origin is tuple:
        return "words, separated by commas"
    return {bool: "`true` or `false`", int: "a whole number", Path: "a path"}.get(
        annotation, "text"
    )


def describe_bounds(field: FieldInfo) -> str:
    bounds = {
        name: getattr(rule, name)
        for rule in field.metadata
        for name in ("ge", "le", "max_length")
        if hasattr(rule, name)
    }
    if "ge" in bounds and "le" in bounds:
        return f", {bounds['ge']} to {bounds['le']}"
    return f", at most {bounds['max_length']} characters" if "max_length" in bounds else ""


def describe_default(field: FieldInfo) -> str:
    if field.default is None:
        return "none"
    if field.default == ():
        return "empty"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default}`"


def describe_example(field: FieldInfo) -> str:
    """One that holds a command in backquotes is a sentence already."""
    (example,) = field.examples or ("",)
    return str(example) if "`" in str(example) else f"`{example}`"


if __name__ == "__main__":
    sys.exit(main())
