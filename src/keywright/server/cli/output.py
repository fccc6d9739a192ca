"""What people read: sentences, tables and JSON."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import typer

from keywright.core.control_characters import escape_controls, escape_controls_in_json
from keywright.core.errors import DatabaseUnavailable, KeywrightError

UNFOLDED = 1000  # columns: what another program reads has one line a row


def say(sentence: str, *, mark: str = "") -> None:
    """`mark` may be colored; nothing in the sentence is."""
    typer.echo(mark + escape_controls(sentence))


def say_program() -> str:
    """The program as its user can type it again: by its path, unless the shell finds it."""
    typed = sys.argv[0]
    return "keywright" if shutil.which("keywright") == typed else typed


def say_json(value: Any) -> None:
    text = json.dumps(value, indent=2, default=str, ensure_ascii=False)
    typer.echo(escape_controls_in_json(text))


def say_refusal(error: KeywrightError) -> None:
    """The error's sentence, what is wrong with each field, and why a database is out of reach."""
    lines = [error.detail, *(one.detail for one in error.errors if one.detail != error.detail)]
    if isinstance(error, DatabaseUnavailable) and error.__cause__ is not None:
        lines.append(describe_cause(error.__cause__))
    typer.echo("keywright: " + "\n  ".join(map(escape_controls, lines)), err=True)


def describe_cause(cause: BaseException) -> str:
    first_line = str(cause).partition("\n")[0]
    return f"Its driver says: {first_line or type(cause).__name__}"


def say_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(escape_controls, row))
    width = None if sys.stdout.isatty() else UNFOLDED
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)


def say_moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
