"""Which routes there are, in groups that an application may take or leave."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter

from keywright.accounts.passwords import routes as passwords
from keywright.core.errors import ConfigurationError
from keywright.flows import routes as flows
from keywright.integration.assemble import Parts
from keywright.keys import routes as keys
from keywright.operations import routes as operations
from keywright.outbox.routes import dev_mail_routes
from keywright.pages import routes as pages

GROUPS = ("auth", "users", "pages", "oauth", "system")


def collect_routes(parts: Parts, *, include: Iterable[str]) -> APIRouter:
    """The routes of the named groups; those of the JSON API under `api_prefix`."""
    wanted = set(include)
    if unknown := wanted - set(GROUPS):
        raise ConfigurationError(
            f"There is no group {', '.join(sorted(unknown))}; include some of {', '.join(GROUPS)}."
        )
    kw, whole = parts.context, APIRouter()
    api = {
        "auth": (*flows.AUTH, passwords.routes),
        "users": flows.USERS,
    }
    for group, makers in api.items():
        for make in makers if group in wanted else ():
            whole.include_router(make(kw), prefix=kw.settings.api_prefix)
    if "oauth" in wanted:
        whole.include_router(keys.routes(kw))
    if "system" in wanted:
        whole.include_router(operations.routes(kw, parts.checks))
    if "pages" in wanted:
        whole.include_router(pages.routes(kw))
        if parts.mailbox is not None:
            whole.include_router(dev_mail_routes(kw, parts.mailbox))
    return whole
