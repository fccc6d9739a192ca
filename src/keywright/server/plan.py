"""What `keywright serve` is asked for, and what is refused before anything heavy is loaded."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from keywright.core.errors import ConfigurationError
from keywright.core.settings import Settings, load_settings
from keywright.core.unsafe_settings import refuse_unsafe
from keywright.server.installation import import_keywright

BACKLOG = 2048
REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not bound to


@dataclass(frozen=True, slots=True)
class Plan:
    """The arguments of `keywright serve`; `app` names an application's own Keywright object."""

    host: str
    port: int
    workers: int = 1
    reload: bool = False
    app: str | None = None


def find_settings(plan: Plan) -> Settings:
    """Raises `ConfigurationError` for what can be refused before anything is opened."""
    settings = import_keywright(plan.app).settings if plan.app else load_settings()
    refuse_unsafe(settings, bind_host=plan.host)
    refuse_workers_on_sqlite(settings, plan.workers)
    refuse_workers_of_host(plan)
    return settings


def refuse_workers_on_sqlite(settings: Settings, workers: int) -> None:
    """One serving process on SQLite: its limits and its writer live in that process."""
    if workers > 1 and settings.uses_sqlite:
        raise ConfigurationError(
            f"--workers {workers} needs PostgreSQL, because a SQLite file has one serving process: "
            "set KEYWRIGHT_DATABASE_URL=postgresql://user:password@host/name, or leave --workers "
            "out."
        )


def refuse_workers_of_host(plan: Plan) -> None:
    if plan.app is not None and plan.workers > 1:
        raise ConfigurationError(
            "--workers is for the standalone server. With --app, run the processes of your "
            "application with its own server, and say how many in Keywright(workers=…)."
        )


def listen(host: str, port: int) -> socket.socket:
    """Take connections from now on; they are answered once the server is up."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(why_not_listening(error, host, port)) from None
    listener.set_inheritable(True)
    return listener


def why_not_listening(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use, perhaps by another `keywright serve`: stop that, or "
            "choose another with --port."
        )
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}: choose one above 1023 with --port."
    return f"Cannot listen on {host}, port {port}: {error.strerror or error}."


def adopt_address(plan: Plan, settings: Settings, port: int) -> Settings:
    """In development the base URL is where the server listens, unless somebody set another."""
    given = "base_url" in settings.model_fields_set or plan.app is not None
    if given or not settings.development:
        return settings
    name = REACHED_AT.get(plan.host, plan.host)
    netloc = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    return settings.model_copy(update={"base_url": f"http://{netloc}"})
