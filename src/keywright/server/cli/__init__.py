"""The command line, one file a command group. What a command needs is loaded when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """The `keywright` command. Exit code 1 is a refusal, 2 is wrong usage."""
    try:
        from keywright.server.cli.command_line import run
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.exit(
            "keywright: the command line belongs to the server, which is not installed: "
            "pip install 'keywright[server]'."
        )
    sys.exit(run())
