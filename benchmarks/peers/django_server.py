"""How the peers that are Django applications are filled, and served: gunicorn, one worker."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.python_environment import PythonEnvironment
from benchmarks.subject import Command, Place

# gunicorn.org, "Design > Worker types": `sync` has no keep-alive, `gthread` has. "Settings": 2–4
# threads a core (they share Python's lock, so more gain nothing), the parser in C ("fast").
SETTINGS = {
    "--workers": "1",
    "--worker-class": "gthread",
    "--threads": "4",
    "--keep-alive": "75",
    "--http-parser": "fast",
    "--log-level": "warning",
}


def seed(
    environment: PythonEnvironment, place: Place, file: Path, variables: dict[str, str]
) -> None:
    numbers = str(place.users), str(place.sessions)
    environment.run("-m", "benchmarks.peers.django_seed", *numbers, str(file), variables=variables)


def serve(environment: PythonEnvironment, place: Place, variables: dict[str, str]) -> Command:
    application = "django.core.wsgi:get_wsgi_application()"
    settings = [word for setting in SETTINGS.items() for word in setting]
    gunicorn = [str(environment.python), "-m", "gunicorn", application, "--no-control-socket"]
    address = ["--bind", f"127.0.0.1:{place.port}"]
    return Command([*gunicorn, *address, *settings], variables, environment.folder)
