"""A `keywright serve` from its plan to its end."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import ChangeReload, Multiprocess

from keywright.accounts.users import service as users
from keywright.core.log import configure_logging
from keywright.core.settings import Settings
from keywright.integration import Keywright
from keywright.server.gathered_writes import GatheringProtocol
from keywright.server.installation import import_keywright, opened
from keywright.server.main import application, application_of_host
from keywright.server.plan import Plan

GRACE_SECONDS = 10  # for requests under way when the server is asked to stop


async def prepare(plan: Plan, settings: Settings) -> bool:
    """Do what may fail once, where it fails in one sentence: connect, migrate, open the keys.

    Answers whether there is an administrator.
    """
    kw: Keywright = (
        import_keywright(plan.app) if plan.app else Keywright(settings, workers=plan.workers)
    )
    async with opened(kw) as context:
        await kw.parts.keys.load()
        return await users.has_administrator(context.db)


def run_server(plan: Plan, settings: Settings, listener: socket.socket) -> bool:
    """Serve until SIGTERM or SIGINT; False when a process could not start."""
    configure_logging(settings)
    config = server_config(plan, settings)
    if plan.reload:
        config.reload_dirs = [Path.cwd()]  # uvicorn's own choice, which needs an import string
        ChangeReload(config, target=Server(config).run, sockets=[listener]).run()
        return True
    if plan.workers > 1:
        supervisor = Multiprocess(config, sockets=[listener])
        supervisor.run()
        return all(process.exitcode != STARTUP_FAILURE for process in supervisor.processes)
    server = Server(config)
    server.run(sockets=[listener])
    return server.started


def server_config(plan: Plan, settings: Settings) -> Config:
    """Callers are resolved by `core.web.caller`; lines are written by `core.log`.

    Each process builds the application for itself, from the settings as this one read them.
    """
    make = partial(application, settings, workers=plan.workers)
    return Config(
        partial(application_of_host, plan.app) if plan.app else make,
        factory=True,
        host=plan.host,
        port=plan.port,
        workers=plan.workers,
        http=GatheringProtocol,
        ws="none",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
