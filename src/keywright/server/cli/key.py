from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keywright.server.cli.output import say, say_json, say_moment, say_table

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.core.crypto import Rewrapped
    from keywright.integration import Keywright
    from keywright.keys.models import SigningKey

commands = typer.Typer(help="Signing keys and the master secret.", no_args_is_help=True)


@commands.command("list", epilog="Example: keywright key list --json")
def list_keys(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the published signing keys, the youngest first."""
    from keywright.server.installation import find_keywright

    keys, now = asyncio.run(read_keys(find_keywright(context)))
    if as_json:
        say_json([as_object(key, keys, now) for key in keys])
        return
    headings = ("Key id", "Algorithm", "State", "Signs from", "Published until")
    say_table(headings, [as_row(key, keys, now) for key in keys])


async def read_keys(kw: Keywright) -> tuple[list[SigningKey], datetime]:
    from keywright.keys import service
    from keywright.server.installation import opened

    async with opened(kw) as context:
        now = context.clock.now()
        return await service.list_published_keys(context.db, now), now


def as_object(key: SigningKey, keys: list[SigningKey], now: datetime) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "number": key.number,
        "algorithm": key.algorithm.value,
        "state": state_of(key, keys, now),
        "created_at": key.created_at.isoformat(),
        "activates_at": key.activates_at.isoformat(),
        "retires_at": key.retires_at.isoformat() if key.retires_at else None,
    }


def as_row(key: SigningKey, keys: list[SigningKey], now: datetime) -> tuple[str, ...]:
    return (
        key.kid,
        key.algorithm.value,
        state_of(key, keys, now),
        say_moment(key.activates_at),
        say_moment(key.retires_at) if key.retires_at else "",
    )


def state_of(key: SigningKey, keys: list[SigningKey], now: datetime) -> str:
    """`next` is published but does not sign yet; `earlier` only verifies."""
    if key.activates_at > now:
        return "next"
    younger = (other for other in keys if other.number > key.number)
    return "earlier" if any(other.activates_at <= now for other in younger) else "signing"


@commands.command(epilog="Example: keywright key rotate")
def rotate(
    context: typer.Context,
    leaked: Annotated[
        bool, typer.Option("--leaked", help="A private key is known: withdraw all keys now.")
    ] = False,
    master: Annotated[
        bool,
        typer.Option(
            "--master", help="Wrap what is stored under the current KEYWRIGHT_SECRET_KEY."
        ),
    ] = False,
) -> None:
    """Publish a new signing key. It takes over once caches know it; tokens stay good meanwhile."""
    from keywright.server.installation import find_keywright, opened

    if leaked and master:
        raise typer.BadParameter("--leaked and --master don't go together.")
    work = rewrap if master else replace_leaked if leaked else rotate_with_overlap

    async def run(kw: Keywright) -> None:
        async with opened(kw) as opened_context:
            await work(opened_context)

    asyncio.run(run(find_keywright(context)))


async def rotate_with_overlap(kw: Context) -> None:
    from keywright.flows.administrators import Actor
    from keywright.flows.rotate_keys import rotate_signing_key

    key = await rotate_signing_key(kw, Actor())
    say(
        f"Published the key {key.kid}. It signs from {say_moment(key.activates_at)}; the earlier "
        "ones verify until their last token has expired."
    )


async def replace_leaked(kw: Context) -> None:
    from keywright.flows.administrators import Actor
    from keywright.flows.rotate_keys import replace_leaked_keys

    key = await replace_leaked_keys(kw, Actor())
    say(
        f"The key {key.kid} signs now and every earlier one is withdrawn: running servers refuse "
        "their tokens within 5 seconds, and clients get new ones by refreshing. Services that "
        "cache the JWKS may still accept old tokens for some minutes."
    )


async def rewrap(kw: Context) -> None:
    """Nothing that is stored needs an old secret afterwards; what people carry may."""
    from keywright.flows.rotate_keys import rewrap_messages, rewrap_signing_keys

    if kw.settings.secret_key is None:
        say("This is development's own secret, in the data directory: there is nothing to rotate.")
        return
    keys = await show_progress("signing keys", rewrap_signing_keys(kw))
    messages = await show_progress("waiting messages", rewrap_messages(kw))
    say(f"Wrapped {keys} signing keys and {messages} waiting messages under the current secret.")
    say("Nothing that is stored needs an old secret any more.")
    if kw.settings.secret_keys_old:
        days = kw.settings.refresh_token_ttl / 86_400
        say(
            "Sign-ins from before the change still show what an old secret signed. Keep it in "
            f"KEYWRIGHT_SECRET_KEYS_OLD for {days:g} days after the change (the life of a refresh "
            "token without use), then remove it; whoever did not come back signs in again."
        )


async def show_progress(what: str, batches: AsyncIterator[Rewrapped]) -> int:
    """A bar on a terminal, for as long as there is work; how many were wrapped."""
    from rich.console import Console
    from rich.progress import Progress

    done = 0
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"Wrapping {what}", total=None)
        async for batch in batches:
            done += batch.rewrapped
            progress.update(task, completed=done, total=done + batch.remaining)
    return done
