"""django-allauth's headless API for an app, with session tokens, behind gunicorn."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from benchmarks.peers.django_server import seed, serve
from benchmarks.peers.python_environment import PythonEnvironment
from benchmarks.subject import PASSWORD, Command, Load, Measure, Place, Request, email_of, spread

FOLDER = Path(__file__).parent
API = "/_allauth/app/v1"
JSON = {"Content-Type": "application/json"}
SOMEBODY = '"email": "user%d+@bench%.example"'
NEW_SESSION = f'{SOMEBODY}.*"is_authenticated": true.*"session_token": "%w+"'
DIFFERENT_USERS = 4_096


class Allauth:
    name = "django-allauth"
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    measures: tuple[Measure, ...] = (
        Measure.WHO_AM_I,  # queries each time: the sessions are in the database
        Measure.SIGN_IN,
    )

    def __init__(self) -> None:
        self.environment = PythonEnvironment(FOLDER)

    def install(self) -> None:
        self.environment.install()

    def seed(self, place: Place) -> None:
        seed(self.environment, place, file_of(place), self.variables(place))

    def command(self, place: Place) -> Command:
        return serve(self.environment, place, self.variables(place))

    def is_ready(self, place: Place) -> bool:
        try:
            return httpx.get(f"{place.url}{API}/config", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def load(self, measure: Measure, place: Place) -> Load:
        match measure:
            case Measure.WHO_AM_I:
                return who_am_i(place)
            case Measure.SIGN_IN:
                return sign_in(place)
            case _:
                raise ValueError(f"{self.name} has no {measure}")

    def variables(self, place: Place) -> dict[str, str]:
        return self.environment.variables(
            DJANGO_SETTINGS_MODULE="settings",
            DATABASE_URL=place.database,
            SECRET_KEY="of this run, on this machine, and of no other",
        )


def file_of(place: Place) -> Path:
    return place.home / "tokens.json"


def who_am_i(place: Place) -> Load:
    path, tokens = f"{API}/auth/session", json.loads(file_of(place).read_text())
    return Load(tuple(Request(path, headers={"X-Session-Token": t}) for t in tokens), SOMEBODY)


def sign_in(place: Place) -> Load:
    numbers = spread(place.users, DIFFERENT_USERS)
    return Load(tuple(sign_in_of(number) for number in numbers), NEW_SESSION)


def sign_in_of(number: int) -> Request:
    credentials = {"email": email_of(number), "password": PASSWORD}
    return Request(f"{API}/auth/login", "POST", JSON, json.dumps(credentials))
