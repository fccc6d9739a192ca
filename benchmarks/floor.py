"""The yardstick: the least code that does the same job (`floor_app.py`), on two servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from time import time
from urllib.parse import urlencode
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks.floor_rows import (
    BASIC,
    account_id,
    rows_of,
    secret_of,
    seed_postgres,
    seed_sqlite,
    session_id,
    text_of,
)
from benchmarks.floor_tokens import Signer, access_claims, write_refresh_token
from benchmarks.peers.python_environment import ROOT
from benchmarks.python_servers import Server, install_granian, search_path, serving
from benchmarks.subject import (
    PASSWORD,
    Command,
    Load,
    Measure,
    Place,
    Request,
    email_of,
    spread,
)

SOMEBODY = r'"email":"user%d+@bench%.example"'
A_TOKEN = r'"access_token":"[%w_-]+%.[%w_-]+%.[%w_-]+"'
A_REFRESH_TOKEN = r'"refresh_token":"([^"]+)"'
ACTIVE = r'"active":true.*"username":"user%d+@bench%.example"'
MANY, MOST = 256, 20_000  # different sessions; MOST is more than any cache remembers
SIGNING_IN = 500  # different users
CHAINS = 64  # of refresh tokens in one run: more than connections


class Floor:
    """Plain ASGI on uvicorn."""

    name = "floor"
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    measures: tuple[Measure, ...] = (
        Measure.WHO_AM_I,
        Measure.WHO_AM_I_UNCACHED,
        Measure.API_KEY,
        Measure.INTROSPECTION,
        Measure.USERINFO,
        Measure.JWKS,
        Measure.REFRESH,
        Measure.CLIENT_CREDENTIALS,
        Measure.SIGN_IN,
    )
    server = Server.UVICORN
    program = "benchmarks.floor_app:make_app"
    first_path = "/.well-known/jwks.json"

    def install(self) -> None:
        """Its packages are those of this environment."""

    def seed(self, place: Place) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key_file(place).write_bytes(pem)
        rows = rows_of(place, int(time()))
        if place.uses_sqlite:
            seed_sqlite(place, rows)
        else:
            asyncio.run(seed_postgres(place, rows))

    def command(self, place: Place) -> Command:
        settings = {"FLOOR_DATABASE": place.database, "FLOOR_KEY": str(key_file(place))}
        arguments = serving(self.server, self.program, place.port)
        return Command(arguments, {**settings, **search_path(self.server)}, ROOT)

    def is_ready(self, place: Place) -> bool:
        try:
            return httpx.get(place.url + self.first_path).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def load(self, measure: Measure, place: Place) -> Load:
        special = {
            Measure.SIGN_IN: sign_ins,
            Measure.REFRESH: refreshes,
            Measure.JWKS: jwks,
            Measure.CLIENT_CREDENTIALS: client_credentials,
            Measure.INTROSPECTION: introspections,
            Measure.API_KEY: api_keys,
        }
        if measure in special:
            return special[measure](place)
        return with_access_tokens(place, measure)


class FloorOnGranian(Floor):
    """The same application on the server that is written in Rust."""

    name = "floor on granian"
    server = Server.GRANIAN

    def install(self) -> None:
        install_granian()


class FloorInFastAPI(Floor):
    """The same look at the same token from a FastAPI route, on uvicorn."""

    name = "floor in FastAPI"
    databases = ("sqlite",)
    measures = (Measure.OPEN_ROUTE, Measure.PROTECTED_ROUTE, Measure.WHO_AM_I)
    program = "benchmarks.floor_fastapi:make_host"
    first_path = "/open"


def key_file(place: Place) -> Path:
    return place.home / "key.pem"


def sign_ins(place: Place) -> Load:
    bodies = (
        {"email": email_of(number), "password": PASSWORD}
        for number in spread(place.users, SIGNING_IN)
    )
    requests = (json_request("/auth/login", json.dumps(body)) for body in bodies)
    return Load(tuple(requests), f"{A_TOKEN}.*{SOMEBODY}")


def refreshes(place: Place) -> Load:
    """Each time of sessions that were never refreshed: the last ones, which no other load uses."""
    template = json_request("/auth/refresh", '{"refresh_token":"{}"}')
    numbers = next_part(place, CHAINS)
    first = (
        write_refresh_token(session_id(number), secret_of("refresh", number)) for number in numbers
    )
    requests = (json_request(template.path, template.body.replace("{}", text)) for text in first)
    return Load(
        tuple(requests), f"{A_TOKEN}.*{SOMEBODY}", successor=A_REFRESH_TOKEN, template=template
    )


def next_part(place: Place, size: int) -> range:
    """From the end towards the beginning; a file remembers how far."""
    file = place.home / "refreshed"
    end = place.sessions - (int(file.read_text()) if file.exists() else 0)
    assert end >= size, "too few sessions were seeded"
    file.write_text(str(place.sessions - end + size))
    return range(end - size, end)


def jwks(_: Place) -> Load:
    return Load((Request("/.well-known/jwks.json"),), r'"kty":"EC"')


def client_credentials(_: Place) -> Load:
    request = form_request("/oauth2/token", grant_type="client_credentials")
    return Load((request,), A_TOKEN)


def introspections(place: Place) -> Load:
    tokens = (text_of("token", number).decode() for number in range(min(place.sessions, MANY)))
    requests = (form_request("/oauth2/introspect", token=text) for text in tokens)
    return Load(tuple(requests), ACTIVE)


def api_keys(place: Place) -> Load:
    keys = (text_of("API key", number).decode() for number in range(min(place.users, MANY)))
    requests = (Request("/auth/me/key", headers={"X-API-Key": text}) for text in keys)
    return Load(tuple(requests), SOMEBODY)


def with_access_tokens(place: Place, measure: Measure) -> Load:
    paths = {
        Measure.WHO_AM_I: "/auth/me",
        Measure.WHO_AM_I_UNCACHED: "/auth/me/fresh",
        Measure.USERINFO: "/oauth2/userinfo",
        Measure.OPEN_ROUTE: "/open",
        Measure.PROTECTED_ROUTE: "/protected",
    }
    many = MOST if measure is Measure.WHO_AM_I_UNCACHED else MANY
    requests = (
        Request(paths[measure], headers={"Authorization": f"Bearer {text}"})
        for text in access_tokens(place, many)
    )
    return Load(tuple(requests), SOMEBODY)


def access_tokens(place: Place, most: int) -> Iterator[str]:
    """What a sign-in answered, for as many sessions, evenly spread."""
    signer, now = Signer(key_file(place).read_bytes()), int(time())
    for number in spread(place.sessions, most):
        user_id = UUID(bytes=account_id(number % place.users))
        yield signer.sign(access_claims(user_id, session_id(number), now, now))


def json_request(path: str, body: str) -> Request:
    return Request(path, "POST", {"Content-Type": "application/json"}, body)


def form_request(path: str, **fields: str) -> Request:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": BASIC}
    return Request(path, "POST", headers, urlencode(fields))
