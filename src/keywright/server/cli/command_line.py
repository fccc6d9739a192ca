"""All commands together, and how they end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from keywright import __version__
from keywright.core.errors import InvalidInput, KeywrightError
from keywright.server.cli import doctor, export, key, migrate, outbox, serve, user
from keywright.server.cli.output import say_refusal

REFUSED, WRONG_USAGE = 1, 2

command_line = typer.Typer(
    name="keywright",
    help="Accounts, sign-in and tokens in one process that you run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes longer to load than all the rest of `--help`
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Settings are environment variables (KEYWRIGHT_…), .env or keywright.toml.",
)
command_line.command(epilog=serve.EXAMPLE)(serve.serve)
command_line.command(epilog=migrate.EXAMPLE)(migrate.migrate)
command_line.command(epilog=doctor.EXAMPLE)(doctor.doctor)
command_line.command(epilog=export.EXAMPLE)(export.export)
command_line.add_typer(user.commands, name="user")
command_line.add_typer(key.commands, name="key")
command_line.add_typer(outbox.commands, name="outbox")


def say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"keywright {__version__}")
        raise typer.Exit


@command_line.callback()
def choose_installation(
    context: typer.Context,
    app: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:ATTRIBUTE",
            help="Use the settings, roles and hooks of an application's own Keywright object.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback answers it
        bool, typer.Option("--version", is_eager=True, callback=say_version, help="Say which.")
    ] = False,
) -> None:
    context.obj = app


def run(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments (those of the process) ask for; the exit code of a refusal.

    Everything else ends in `SystemExit`.
    """
    try:
        command_line(arguments, prog_name="keywright")
    except InvalidInput as error:
        say_refusal(error)
        return WRONG_USAGE
    except KeywrightError as error:
        say_refusal(error)
        return REFUSED
    return 0
