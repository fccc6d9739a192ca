from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from keywright.server.cli.output import say, say_json, say_moment, say_table
from keywright.server.cli.password import ask_for_password, read_password

if TYPE_CHECKING:
    from keywright.accounts.users.models import UserRecord
    from keywright.core.context import Context
    from keywright.core.db import Database
    from keywright.flows.administer_users import NewUser
    from keywright.integration import Keywright

Change = Callable[["Context", "UserRecord"], Awaitable[str]]
Person = Annotated[
    str, typer.Argument(metavar="EMAIL_OR_ID", help="E-mail address or id of the account.")
]
Role = Annotated[
    str, typer.Argument(metavar="ROLE", help="user, moderator, admin, or one of your own.")
]
PAGE = 200

commands = typer.Typer(
    help="Accounts and their roles.",
    no_args_is_help=True,
)


@commands.command(
    epilog="Example: keywright user create --email ada@example.com --name 'Ada L.' --role admin"
)
def create(  # noqa: PLR0917 - typer passes options by name
    context: typer.Context,
    email: Annotated[str, typer.Option(help="E-mail address; you vouch that it is theirs.")],
    role: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE", help="A role to hold; give it once for each of several."),
    ] = None,
    username: Annotated[
        str | None,
        typer.Option(
            help="Unique name to be known by, without @; sign-in takes the e-mail address."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name to show.")] = None,
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from standard input, not asking."),
    ] = False,
) -> None:
    """Make a verified account. Without a password its owner is mailed a link to choose one."""
    from dataclasses import replace

    from keywright.flows.administer_users import NewUser, check_new_user
    from keywright.server.installation import find_keywright

    kw = find_keywright(context)
    wanted = NewUser(email, username=username, name=name, roles=tuple(role or ()))
    wanted = check_new_user(kw.context, wanted)
    password = read_password() if password_stdin else ask_for_password()
    asyncio.run(create_account(kw, replace(wanted, password=password)))


async def create_account(kw: Keywright, wanted: NewUser) -> None:
    from keywright.flows.administer_users import create_user
    from keywright.flows.administrators import Actor
    from keywright.server.installation import opened

    async with opened(kw) as context:
        user = await create_user(context, wanted, Actor())
        roles = ", ".join(user.roles) or "no role"
        say(f"Made the account {user.email}, with {roles}. Its id is {user.id}.")
        if wanted.password is None:
            await say_how_to_choose_password(context, user.id)


async def say_how_to_choose_password(kw: Context, user_id: UUID) -> None:
    """Production mails the link and shows it to nobody else."""
    from keywright.flows.administer_users import create_reset_token
    from keywright.outbox.channels.mail.mails import ResetPassword
    from keywright.outbox.channels.mail.render import mail_link

    say("A link to choose a password goes to that address, as soon as a server runs.")
    if kw.settings.development:
        token = await create_reset_token(kw, user_id)
        link = mail_link(kw.settings.base_url, ResetPassword.page, token)
        say(f"In development here is one too, for an hour: {link}")


@commands.command("list", epilog="Example: keywright user list --limit 500 --json")
def list_users(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List accounts, the oldest first."""
    from keywright.server.installation import find_keywright

    found = asyncio.run(read_users(find_keywright(context), limit + 1))
    shown = found[:limit]
    if as_json:
        say_json([as_object(user) for user in shown])
        return
    headings = ("E-mail", "Status", "Verified", "Roles", "Name", "Created", "Id")
    say_table(headings, [as_row(user) for user in shown])
    if len(found) > limit:
        say(f"There are more than {limit}: see them with --limit.")


async def read_users(kw: Keywright, limit: int) -> list[UserRecord]:
    from keywright.accounts.users import service as users
    from keywright.server.installation import opened

    found: list[UserRecord] = []
    async with opened(kw) as context:
        while len(found) < limit:
            after = found[-1].id if found else UUID(int=0)
            page = await users.list_after(context.db, after, min(PAGE, limit - len(found)))
            if not page:
                break
            found += page
    return found


def as_object(user: UserRecord) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "email": user.email,
        "email_verified": user.email_verified_at is not None,
        "username": user.username,
        "name": user.name,
        "status": user.status.value,
        "roles": list(user.role_names),
        "created_at": user.created_at.isoformat(),
    }


def as_row(user: UserRecord) -> tuple[str, ...]:
    return (
        user.email,
        user.status.value,
        "yes" if user.email_verified_at else "no",
        ", ".join(user.role_names),
        user.name or user.username or "",
        say_moment(user.created_at),
        str(user.id),
    )


@commands.command(epilog="Example: keywright user disable ada@example.com")
def disable(context: typer.Context, person: Person) -> None:
    """Take an account out of use. Its sessions and tokens end everywhere within 5 seconds."""

    async def change(kw: Context, user: UserRecord) -> str:
        from keywright.flows.administer_users import disable_user
        from keywright.flows.administrators import Actor

        if await disable_user(kw, user.id, Actor()):
            return f"{user.email} is disabled; its sessions and links have ended."
        return f"{user.email} was disabled already."

    change_account(context, person, change)


@commands.command(epilog="Example: keywright user enable ada@example.com")
def enable(context: typer.Context, person: Person) -> None:
    """Let a disabled account sign in again."""

    async def change(kw: Context, user: UserRecord) -> str:
        from keywright.flows.administer_users import enable_user
        from keywright.flows.administrators import Actor

        if await enable_user(kw, user.id, Actor()):
            return f"{user.email} may sign in again."
        return f"{user.email} was not disabled."

    change_account(context, person, change)


@commands.command(epilog="Example: keywright user grant ada@example.com admin")
def grant(context: typer.Context, person: Person, role: Role) -> None:
    """Give an account a role."""

    async def change(kw: Context, user: UserRecord) -> str:
        from keywright.flows.administer_roles import grant_role
        from keywright.flows.administrators import Actor

        if await grant_role(kw, user.id, role, Actor()):
            return f"{user.email} has the role {role} now."
        return f"{user.email} had the role {role} already."

    change_account(context, person, change)


@commands.command(epilog="Example: keywright user revoke ada@example.com admin")
def revoke(context: typer.Context, person: Person, role: Role) -> None:
    """Take a role from an account."""

    async def change(kw: Context, user: UserRecord) -> str:
        from keywright.flows.administer_roles import revoke_role
        from keywright.flows.administrators import Actor

        if await revoke_role(kw, user.id, role, Actor()):
            return f"{user.email} no longer has the role {role}."
        return f"{user.email} did not have the role {role}."

    change_account(context, person, change)


def change_account(context: typer.Context, person: str, change: Change) -> None:
    from keywright.server.installation import find_keywright, opened

    async def run(kw: Keywright) -> str:
        async with opened(kw) as opened_context:
            return await change(opened_context, await find_account(opened_context.db, person))

    say(asyncio.run(run(find_keywright(context))))


async def find_account(db: Database, person: str) -> UserRecord:
    """Raises `UserNotFound`."""
    from keywright.accounts.users import service as users
    from keywright.accounts.users.errors import UserNotFound

    found = (
        await users.find_by_email(db, person)
        if "@" in person
        else await users.find(db, read_id(person))
    )
    if found is None:
        raise UserNotFound(f"There is no account {person}; `keywright user list` shows them.")
    return found


def read_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no e-mail address and no id.") from None
