"""How the command line gets a password: typed twice and hidden, or from standard input."""

from __future__ import annotations

import sys

import typer

from keywright.server.cli.output import say


def ask_for_password() -> str | None:
    """None for an empty answer, and where nobody sits at a terminal."""
    if not sys.stdin.isatty():
        return None
    while True:
        password = ask("Password (empty: mail a link to choose one)")
        if not password or ask("The same again") == password:
            return password or None
        say("These were two different passwords. Please type them again.")


def ask(question: str) -> str:
    answer: str = typer.prompt(question, default="", show_default=False, hide_input=True)
    return answer


def read_password() -> str:
    """The first line of standard input."""
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise typer.BadParameter("standard input is empty.", param_hint="--password-stdin")
    return password
