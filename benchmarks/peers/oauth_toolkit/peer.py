"""django-oauth-toolkit: opaque tokens in the database, behind gunicorn."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from benchmarks.peers.django_server import seed, serve
from benchmarks.peers.oauth_toolkit.clients import APP, APP_CALLBACK, SERVICE, SERVICE_SECRET
from benchmarks.peers.python_environment import PythonEnvironment
from benchmarks.subject import Command, Load, Measure, Place, Request

FOLDER = Path(__file__).parent
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ACTIVE = '"active": true.*"username": "user%d+@bench%.example"'
NEW_TOKEN = '"access_token": "%w+".*"token_type": "Bearer"'
NEXT_TOKEN = '"refresh_token": "(%w+)"'
VERIFIER = "f" * 64  # of PKCE


class OAuthToolkit:
    name = "django-oauth-toolkit"
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    measures: tuple[Measure, ...] = (
        Measure.INTROSPECTION,
        Measure.CLIENT_CREDENTIALS,
        Measure.REFRESH,
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
        metadata = f"{place.url}/o/.well-known/oauth-authorization-server"
        try:
            return httpx.get(metadata, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def load(self, measure: Measure, place: Place) -> Load:
        match measure:
            case Measure.INTROSPECTION:
                return introspect(read_known(place))
            case Measure.CLIENT_CREDENTIALS:
                return client_credentials()
            case Measure.REFRESH:
                return refresh(new_chains(place))
            case _:
                raise ValueError(f"{self.name} has no {measure}")

    def variables(self, place: Place) -> dict[str, str]:
        return self.environment.variables(
            DJANGO_SETTINGS_MODULE="settings",
            DATABASE_URL=place.database,
            SECRET_KEY="of this run, on this machine, and of no other",
        )


def file_of(place: Place) -> Path:
    return place.home / "known.json"


def read_known(place: Place) -> Any:
    return json.loads(file_of(place).read_text())


def introspect(known: Any) -> Load:
    """With a token of the scope `introspection`: "Resource server" shows this, and it is quicker
    than a client's secret.
    """
    headers = {**FORM, "Authorization": f"Bearer {known['asker']}"}
    bodies = (urlencode({"token": token}) for token in known["access_tokens"])
    return Load(tuple(Request("/o/introspect/", "POST", headers, body) for body in bodies), ACTIVE)


def client_credentials() -> Load:
    credentials = b64encode(f"{SERVICE}:{SERVICE_SECRET}".encode()).decode()
    headers = {**FORM, "Authorization": f"Basic {credentials}"}
    body = urlencode({"grant_type": "client_credentials", "scope": "read"})
    return Load((Request("/o/token/", "POST", headers, body),), NEW_TOKEN)


def refresh(chains: list[str]) -> Load:
    return Load(
        tuple(refresh_with(token) for token in chains),
        f"{NEW_TOKEN}.*{NEXT_TOKEN}",
        successor=NEXT_TOKEN,
        template=refresh_with("{}"),
    )


def refresh_with(token: str) -> Request:
    body = f"grant_type=refresh_token&client_id={APP}&refresh_token={token}"
    return Request("/o/token/", "POST", FORM, body)


def new_chains(place: Place) -> list[str]:
    """Refresh tokens never used before: each person who is signed in grants the app one more."""
    with httpx.Client(base_url=place.url, trust_env=False, timeout=30) as client:
        return [redeem(client, authorize(client, key)) for key in read_known(place)["cookies"]]


def authorize(client: httpx.Client, session: str) -> str:
    challenge = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": APP,
        "redirect_uri": APP_CALLBACK,
        "scope": "read write",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    headers = {"Cookie": f"sessionid={session}"}
    answer = client.get("/o/authorize/", params=asked, headers=headers)
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def redeem(client: httpx.Client, code: str) -> str:
    asked = {
        "grant_type": "authorization_code",
        "client_id": APP,
        "code": code,
        "redirect_uri": APP_CALLBACK,
        "code_verifier": VERIFIER,
    }
    token: str = client.post("/o/token/", data=asked).raise_for_status().json()["refresh_token"]
    return token
