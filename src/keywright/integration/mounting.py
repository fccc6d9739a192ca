"""Which routes there are, in groups that an application may take or leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from fastapi import APIRouter

from keywright.accounts.passwords import routes as passwords
from keywright.core.context import Context
from keywright.core.errors import ConfigurationError
from keywright.core.web.routes import Routes
from keywright.flows import routes as flows
from keywright.integration.assemble import Parts
from keywright.keys import routes as keys
from keywright.operations import routes as operations
from keywright.pages import routes as pages

Maker = Callable[[Context], APIRouter]
GROUPS = ("auth", "users", "pages", "oauth", "system")


def collect_routes(parts: Parts, *, include: Iterable[str]) -> Routes:
    """The routes of the named groups."""
    wanted = set(include)
    if unknown := wanted - set(GROUPS):
        raise ConfigurationError(
            f"There is no group {', '.join(sorted(unknown))}; include some of {', '.join(GROUPS)}."
        )
    return Routes(
        make(parts.context) for group in GROUPS if group in wanted for make in makers(group, parts)
    )


def makers(group: str, parts: Parts) -> tuple[Maker, ...]:
    if group == "auth":
        return (*flows.AUTH, passwords.routes)
    if group == "users":
        return flows.USERS
    if group == "oauth":
        return (keys.routes,)
    if group == "system":
        return (partial(operations.routes, checks=parts.checks),)
    if parts.mailbox is None:
        return (pages.routes,)
    from keywright.outbox.routes import dev_mail_routes  # its templates are for development

    return (pages.routes, partial(dev_mail_routes, mailbox=parts.mailbox))
