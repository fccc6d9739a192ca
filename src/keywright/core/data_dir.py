"""The data directory: SQLite's file, development's master secret and its mail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keywright.core.errors import ConfigurationError


def make_data_dir(path: Path) -> None:
    """Raises `ConfigurationError`."""
    with named_when_unusable(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def named_when_unusable(data_dir: Path) -> Iterator[None]:
    """Around work in the directory: raises `ConfigurationError` with what to set or repair."""
    try:
        yield
    except OSError as error:
        raise unusable_data_dir(data_dir, error.strerror or type(error).__name__) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"A file in {data_dir} is no text: bring its content back from a backup, or set "
            "KEYWRIGHT_SECRET_KEY in its place."
        ) from None


def refuse_unusable_data_dir(path: Path) -> None:
    """Look whether it is there or can be made, and make nothing. Raises `ConfigurationError`."""
    nearest = next(one for one in (path, *path.absolute().parents) if os.path.lexists(one))
    if not nearest.is_dir():
        raise unusable_data_dir(path, f"{nearest} is no folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise unusable_data_dir(path, f"this user may not write to {nearest}")


def is_there(file: Path) -> bool:
    """Not, too, where this user may not look or something else is in the way."""
    try:
        file.stat()
    except OSError:
        return False
    return True


def unusable_data_dir(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"KEYWRIGHT_DATA_DIR is {path}, which cannot be used ({why}): set it to a folder that is "
        "there, or can be made, and that this user may write to."
    )
