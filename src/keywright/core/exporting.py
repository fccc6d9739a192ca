"""What the application holds about somebody, for the export of their account.

    @kw.hooks.exports("orders")
    async def orders(user: User, db: Reader) -> list[dict[str, Any]]: ...

The answer is anything that is JSON, pydantic models, dataclasses, times and ids included.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic_core import to_json

from keywright.core.errors import ConfigurationError, KeywrightError, Unavailable
from keywright.core.log import get_logger
from keywright.core.principal import User

if TYPE_CHECKING:
    from keywright.core.db import Handle, Statement

Row = TypeVar("Row")
SOURCE_SECONDS = 30.0
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
log = get_logger("keywright.hooks")


class ExportUnavailable(Unavailable):
    """A source raised, or took too long: half of what is held about somebody is not answered."""

    code = "export_unavailable"
    detail = "Not all of your data can be read right now. Please try again in a moment."


class Reader(Protocol):
    """A handle that reads: for Core statements on the application's own tables."""

    @property
    def dialect(self) -> str: ...

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None: ...

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]: ...


ExportSource = Callable[[User[Any], Reader], Awaitable[Any]]


class ReadOnly:
    """A `Reader` over any handle."""

    def __init__(self, db: Handle) -> None:
        self._db = db

    @property
    def dialect(self) -> str:
        return self._db.dialect

    async def one(self, statement: Statement[Row], /, **values: Any) -> Row | None:
        refuse_writing(statement)
        return await self._db.one(statement, **values)

    async def many(self, statement: Statement[Row], /, **values: Any) -> list[Row]:
        refuse_writing(statement)
        return await self._db.many(statement, **values)


def refuse_writing(statement: Statement[Any]) -> None:
    if statement.writes:
        raise ConfigurationError("An export reads and changes nothing: write in an `on` hook.")


async def collect(
    sources: Mapping[str, ExportSource], user: User[Any], db: Handle
) -> dict[str, bytes]:
    """What each source answers, as JSON. Raises `ExportUnavailable` and errors of ours."""
    reader = ReadOnly(db)
    return {name: await ask(name, source, user, reader) for name, source in sources.items()}


async def ask(name: str, source: ExportSource, user: User[Any], reader: Reader) -> bytes:
    """What cannot be written as JSON is a failure, too: of any the log says which source it was."""
    try:
        async with asyncio.timeout(SOURCE_SECONDS):
            return to_json(await source(user, reader), inf_nan_mode="null")
    except KeywrightError:
        raise
    except Exception as error:
        log.exception("export_source_failed", source=name)
        raise ExportUnavailable from error


def refuse_name(name: str, taken: Mapping[str, ExportSource]) -> None:
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"exports({name!r}): a name has small letters, digits and underscores."
        )
    if name in taken:
        raise ConfigurationError(f"Two sources export {name!r}: give one of them another name.")
