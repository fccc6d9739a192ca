"""Which Keywright a command is about: the one of the settings, or an application's own."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keywright.core import data_dir
from keywright.core.errors import ConfigurationError
from keywright.core.settings import Settings, load_settings

if TYPE_CHECKING:
    import typer

    from keywright.core.context import Context
    from keywright.core.db import Database
    from keywright.integration import Keywright

EXAMPLE = "keywright --app myapp:kw …"


def find_keywright(context: typer.Context) -> Keywright:
    """Raises `ConfigurationError`."""
    if context.obj is not None:
        return import_keywright(context.obj)
    from keywright.integration import Keywright

    kw: Keywright = Keywright(load_settings())
    return kw


def find_database(context: typer.Context) -> tuple[Settings, Database]:
    """For what needs no secret and no mail server, such as a migration in a job of its own."""
    if context.obj is not None:
        kw = import_keywright(context.obj)
        return kw.settings, kw.context.db
    from keywright.core.db.url import open_database

    settings = load_settings()
    return settings, open_database(settings.effective_database_url)


def make_data_dir(settings: Settings) -> None:
    """SQLite makes its file by itself, but not the folder that it is in."""
    if settings.database_url is None:
        data_dir.make_data_dir(settings.data_dir)


def has_database_file(settings: Settings) -> bool:
    """False only for a SQLite file that nobody has made yet; opening it would make it."""
    from keywright.core.db.url import is_in_memory, sqlite_path

    if not settings.uses_sqlite or is_in_memory(settings.effective_database_url):
        return True
    path = sqlite_path(settings.effective_database_url.partition("://")[2])
    return data_dir.is_there(Path(path))


def import_keywright(path: str) -> Keywright:
    """The object that `module:attribute` names, from the working directory or installed."""
    module_name, _, attribute = path.partition(":")
    if not module_name or not attribute:
        raise ConfigurationError(
            f"--app {path}: name a module and its Keywright object, as in {EXAMPLE}"
        )
    sys.path.insert(0, str(Path.cwd()))
    found: Any = import_module(module_name)
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise ConfigurationError(f"--app {path}: the module {module_name} has no {attribute}.")
        found = getattr(found, name)
    return require_keywright(path, found)


def import_module(name: str) -> Any:
    """A module that is missing gets a sentence; what fails inside it keeps its traceback."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ConfigurationError(
            f"--app: there is no module {error.name} in {Path.cwd()}, nor installed."
        ) from None


def require_keywright(path: str, found: Any) -> Keywright:
    from keywright.integration import Keywright

    if not isinstance(found, Keywright):
        raise ConfigurationError(
            f"--app {path}: that is a {type(found).__name__}; name the Keywright object itself, "
            "the `kw` of `kw = Keywright(…)`."
        )
    return found


@asynccontextmanager
async def opened(kw: Keywright) -> AsyncIterator[Context]:
    """What flows need: the database at this version's schema. No courier and no loop runs."""
    from keywright.integration.lifecycle import bring_schema_up

    make_data_dir(kw.settings)
    async with AsyncExitStack() as stack:
        await kw.context.db.open()
        stack.push_async_callback(kw.context.db.close)
        stack.push_async_callback(kw.context.limits.close)
        stack.push_async_callback(kw.parts.passwords.close)
        stack.push_async_callback(kw.parts.policy.close)
        await bring_schema_up(kw.parts)
        yield kw.context
