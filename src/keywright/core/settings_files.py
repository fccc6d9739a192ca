"""`.env` and `keywright.toml`: one that cannot be read is refused by its name.

Both may hold secrets, so that nothing of what stands in them is repeated.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from keywright.core.errors import ConfigurationError

PLACE = re.compile(r"\(at (?:line \d+, column \d+|end of document)\)$")


def refuse_unreadable_env(path: Path) -> None:
    """Raises `ConfigurationError`."""
    read_settings_file(path)


def refuse_unreadable_toml(path: Path) -> None:
    """Raises `ConfigurationError`."""
    text = read_settings_file(path)
    try:
        tomllib.loads(text)
    except ValueError as error:
        place = PLACE.search(str(error))
        where = f" {place[0]}" if place else ""
        raise ConfigurationError(
            f"The file {path} is not TOML{where}: write a setting on each line, without its "
            'prefix and with quotes around text, as in app_name = "Example".'
        ) from None


def read_settings_file(path: Path) -> str:
    """Its text; nothing where there is no such file."""
    if not path.is_file():
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"The file {path} is not UTF-8 (line {line}): save it in that encoding."
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"The file {path} cannot be read ({error.strerror}): let this user read it, or take "
            "it away."
        ) from None
