"""What a server process runs: `uvicorn --factory keywright.server.main:application`."""

from __future__ import annotations

import logging
from typing import Any

from keywright.app import served
from keywright.core.log import configure_logging, configure_structlog, direct_writer
from keywright.core.settings import Settings, load_settings
from keywright.integration import Keywright
from keywright.server.access_log import AccessLog
from keywright.server.garbage import uncollected
from keywright.server.installation import import_keywright


def application(settings: Settings | None = None, *, workers: int = 1) -> AccessLog:
    """The standalone server. `workers` is how many processes share this machine's cores."""
    settings = settings or load_settings()
    configure_server_logging(settings)
    return logged(Keywright(settings, workers=workers))


def application_of_host(path: str) -> AccessLog:
    """The standalone server around an application's own Keywright object (`module:attribute`)."""
    kw = import_keywright(path)
    configure_server_logging(kw.settings)
    configure_structlog()  # which the application may log by
    return logged(kw)


def logged(kw: Keywright[Any]) -> AccessLog:
    with uncollected():
        return AccessLog(served(kw), kw.settings, direct_writer(kw.settings))


def configure_server_logging(settings: Settings) -> None:
    """Uvicorn writes no access log of its own when nothing would take its lines."""
    configure_logging(settings)
    logging.getLogger("uvicorn.access").propagate = False
