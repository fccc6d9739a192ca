from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from keywright.server.cli.output import say, say_json
from keywright.server.cli.user import Person, find_account

if TYPE_CHECKING:
    from keywright.integration import Keywright

EXAMPLE = "Example: keywright export ada@example.com --output ada.json"


def export(
    context: typer.Context,
    person: Person,
    output: Annotated[
        Path | None,
        typer.Option(help="A new file, readable by you alone, instead of the terminal."),
    ] = None,
) -> None:
    """Write all that is held about one account, as JSON: what its owner gets at P/auth/export.

    The account's record says that it was done; its owner is not mailed.
    """
    from keywright.server.installation import find_keywright

    if output is not None:
        refuse_existing(output)
    document = asyncio.run(read_document(find_keywright(context), person))
    if output is None:
        say_json(msgspec.json.decode(document))
        return
    write_privately(output, msgspec.json.format(document, indent=2) + b"\n")
    say(f"Wrote all that is held about {person} to {output}.")


async def read_document(kw: Keywright, person: str) -> bytes:
    from keywright.flows.export_account import export_for_operator
    from keywright.server.installation import opened

    async with opened(kw) as context:
        user = await find_account(context.db, person)
        with await export_for_operator(context, user.id) as document:
            return document.read()


def refuse_existing(path: Path) -> None:
    if path.exists():
        raise typer.BadParameter(f"There is a file {path} already: name another.")


def write_privately(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
