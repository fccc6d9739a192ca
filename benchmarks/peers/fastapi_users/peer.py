"""fastapi-users with tokens in the database, in an application with uvicorn."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlencode

import httpx

from benchmarks.peers.python_environment import PythonEnvironment
from benchmarks.subject import PASSWORD, Command, Load, Measure, Place, Request, email_of, spread

FOLDER = Path(__file__).parent
SOMEBODY = '"email":"user%d+@bench%.example"'
NEW_TOKEN = '^{"access_token":"[%w_-]+","token_type":"bearer"}$'
DIFFERENT_USERS = 4_096


class FastapiUsers:
    name = "fastapi-users"
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    measures: tuple[Measure, ...] = (
        Measure.OPEN_ROUTE,
        Measure.PROTECTED_ROUTE,
        Measure.WHO_AM_I,  # two queries each time: it has no cache
        Measure.SIGN_IN,
    )

    def __init__(self) -> None:
        self.environment = PythonEnvironment(FOLDER)

    def install(self) -> None:
        self.environment.install()

    def seed(self, place: Place) -> None:
        numbers = str(place.users), str(place.sessions)
        variables = self.variables(place)
        self.environment.run("-m", "seed", *numbers, str(file_of(place)), variables=variables)

    def command(self, place: Place) -> Command:
        # uvicorn's fastest loop and parser ("Settings > Implementation", uvicorn.dev), and what
        # FastAPI's "Deployment > Server workers" says of one process in one container.
        arguments = ["-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", str(place.port)]
        fastest = ["--loop", "uvloop", "--http", "httptools"]
        quiet = ["--no-access-log", "--log-level", "warning"]
        python = str(self.environment.python)
        return Command([python, *arguments, *fastest, *quiet], self.variables(place), FOLDER)

    def is_ready(self, place: Place) -> bool:
        try:
            return httpx.get(f"{place.url}/open", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def load(self, measure: Measure, place: Place) -> Load:
        match measure:
            case Measure.OPEN_ROUTE:
                return Load((Request("/open"),), SOMEBODY)
            case Measure.PROTECTED_ROUTE:
                return signed_in("/protected", place)
            case Measure.WHO_AM_I:
                return signed_in("/users/me", place)
            case Measure.SIGN_IN:
                return sign_in(place)
            case _:
                raise ValueError(f"{self.name} has no {measure}")

    def variables(self, place: Place) -> dict[str, str]:
        return self.environment.variables(DATABASE_URL=place.database)


def file_of(place: Place) -> Path:
    return place.home / "tokens.json"


def signed_in(path: str, place: Place) -> Load:
    tokens = json.loads(file_of(place).read_text())
    requests = (Request(path, headers={"Authorization": f"Bearer {token}"}) for token in tokens)
    return Load(tuple(requests), SOMEBODY)


def sign_in(place: Place) -> Load:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    forms = (
        urlencode({"username": email_of(number), "password": PASSWORD})
        for number in spread(place.users, DIFFERENT_USERS)
    )
    return Load(tuple(Request("/auth/login", "POST", headers, form) for form in forms), NEW_TOKEN)
