from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from keywright.server.cli.output import say, say_json, say_moment, say_table

if TYPE_CHECKING:
    from keywright.integration import Keywright
    from keywright.outbox.models import ParkedMessage

commands = typer.Typer(help="Messages that were given up.", no_args_is_help=True)


@commands.command("list", epilog="Example: keywright outbox list --json")
def list_messages(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the messages that were given up, the newest first, each with its reason."""
    from keywright.server.installation import find_keywright

    parked = asyncio.run(read_parked(find_keywright(context), limit))
    if as_json:
        say_json([as_object(message) for message in parked])
    elif parked:
        say_table(("Id", "Kind", "Written", "Tries", "Reason"), [as_row(one) for one in parked])
    else:
        say("No message was given up.")


@commands.command(epilog="Example: keywright outbox retry 01a1fe9a-bab8-7a34-9a2c-909a82fb8289")
def retry(
    context: typer.Context,
    message_id: Annotated[UUID, typer.Argument(help="As `keywright outbox list` shows it.")],
) -> None:
    """Try a message again that was given up, as soon as a server runs."""
    from keywright.server.installation import find_keywright

    asyncio.run(try_again(find_keywright(context), message_id))
    say("It is tried again as soon as a server runs.")


async def read_parked(kw: Keywright, limit: int) -> list[ParkedMessage]:
    from keywright.outbox import service
    from keywright.server.installation import opened

    async with opened(kw) as context:
        return await service.list_parked(context.db, limit=limit)


async def try_again(kw: Keywright, message_id: UUID) -> None:
    from keywright.outbox import service
    from keywright.server.installation import opened

    async with opened(kw) as context:
        await service.retry_parked(context.db, message_id, now=context.clock.now())


def as_object(message: ParkedMessage) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "kind": message.kind,
        "created_at": message.created_at.isoformat(),
        "attempts": message.attempts,
        "last_error": message.last_error,
    }


def as_row(message: ParkedMessage) -> tuple[str, ...]:
    return (
        str(message.id),
        message.kind,
        say_moment(message.created_at),
        str(message.attempts),
        message.last_error or "",
    )
