from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from keywright import __version__
from keywright.server.cli.output import say, say_program
from keywright.server.garbage import uncollected

if TYPE_CHECKING:
    from keywright.core.settings import Settings
    from keywright.server.plan import Plan

EXAMPLE = "Example: keywright serve --port 9000"
FIRST_ADMINISTRATOR = "user create --email you@example.com --role admin"


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=512, help="Processes; more than one needs PostgreSQL.")
    ] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start again when a Python file changes.")
    ] = False,
) -> None:
    """Run the server. SIGTERM and Ctrl+C let requests under way finish."""
    if reload and workers > 1:
        raise typer.BadParameter("--reload and --workers don't go together.")
    with uncollected():
        from keywright.server.plan import Plan

    try:
        with as_on_ctrl_c(signal.SIGTERM):
            start(Plan(host, port, workers, reload, context.obj))
    except KeyboardInterrupt:
        return


@contextmanager
def as_on_ctrl_c(number: signal.Signals) -> Iterator[None]:
    """The signal stops us while we start up, too; later uvicorn takes it over."""
    before = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def start(plan: Plan) -> None:
    """Refuse first, load then: a wrong setting is told at once."""
    from keywright.server.plan import adopt_address, find_settings, listen

    settings = find_settings(plan)
    with listen(plan.host, plan.port) as listener:
        port = listener.getsockname()[1]
        settings = adopt_address(plan, settings, port)
        with uncollected():
            from keywright.server.serving import prepare, run_server
        has_administrator = asyncio.run(prepare(plan, settings))
        announce(settings, plan.host, port, has_administrator=has_administrator)
        if not run_server(plan, settings, listener):
            raise typer.Exit(1)


def announce(settings: Settings, host: str, port: int, *, has_administrator: bool) -> None:
    """Where it is, where mail goes, and how to make the first administrator."""
    say(f"Keywright {__version__} is at {settings.base_url}")
    say(f"  listening on {host}, port {port}; {describe_place(settings)}")
    if settings.development:
        say(f"  every mail: {settings.base_url}/dev/mail")
    if not has_administrator:
        command = f"{say_program()} {FIRST_ADMINISTRATOR}"
        say(f"  There is no administrator yet. Make the first one: {command}")


def describe_place(settings: Settings) -> str:
    kind = "development" if settings.development else "production"
    return f"{kind}, {'SQLite' if settings.uses_sqlite else 'PostgreSQL'}"
