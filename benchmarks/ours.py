"""Keywright itself: its server, and a FastAPI application that it is installed in."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx

from benchmarks.bare import folder_of, install
from benchmarks.bare_argon2 import Build
from benchmarks.ours_rows import fill, who_signs_in, write_tokens
from benchmarks.subject import (
    PASSWORD,
    Command,
    Load,
    Measure,
    Place,
    Request,
    email_of,
)
from keywright.core.settings import Settings

COMMANDS = Path(sys.executable).parent
FOLDER = Path(__file__).parent
PREFIX = "/api/v1/auth"
SOMEBODY = r'"email":%s*"user%d+@bench%.example"'
A_TOKEN = r'"access_token":%s*"[%w_-]+%.[%w_-]+%.[%w_-]+"'
A_REFRESH_TOKEN = r'"refresh_token":%s*"([^"]+)"'
NEW_TOKENS = f"{A_TOKEN}.*{SOMEBODY}"
CHAINS = 40  # refresh tokens in turn: more than connections
TWO_SECONDS_OF_READING = (
    20_000  # distinct accounts, more than are asked for while one is remembered
)


class OurServer:
    """`keywright serve` in production."""

    name = "keywright"
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    measures: tuple[Measure, ...] = (
        Measure.WHO_AM_I,
        Measure.WHO_AM_I_UNCACHED,
        Measure.JWKS,
        Measure.REFRESH,
        Measure.SIGN_IN,
    )

    def install(self) -> None:
        """It is what this checkout holds."""

    def seed(self, place: Place) -> None:
        keywright(place, "migrate")
        asyncio.run(fill(place, settings_of(place)))

    def command(self, place: Place) -> Command:
        serve = [str(COMMANDS / "keywright"), "serve", "--port", str(place.port)]
        return Command(serve, environment_of(place))

    def is_ready(self, place: Place) -> bool:
        return answers(f"{place.url}/system/health/ready")

    def load(self, measure: Measure, place: Place) -> Load:
        if measure is Measure.SIGN_IN:
            return Load(tuple(map(sign_in, who_signs_in(place.users))), NEW_TOKENS)
        if measure is Measure.JWKS:
            return Load((Request("/.well-known/jwks.json"),), r'"kty":%s*"EC"')
        if measure is Measure.REFRESH:
            return refreshes(place)
        many = TWO_SECONDS_OF_READING if measure is Measure.WHO_AM_I_UNCACHED else 256
        return Load(tuple(asking(f"{PREFIX}/me", place, many)), SOMEBODY)


class OurServerBuiltHere(OurServer):
    """With the Argon2 that `keywright doctor` tells how to build; the server is the same."""

    name = "keywright, Argon2 built here"
    measures = (Measure.SIGN_IN,)

    def install(self) -> None:
        install(Build.BUILT_HERE)

    def command(self, place: Place) -> Command:
        command = super().command(place)
        found_first = {"PYTHONPATH": str(folder_of(Build.BUILT_HERE))}
        return replace(command, environment={**command.environment, **found_first})


class OurHost(OurServer):
    """An application of its own (`host.py`) that Keywright is installed in, behind uvicorn."""

    name = "keywright in FastAPI"
    databases = ("sqlite",)
    measures = (Measure.OPEN_ROUTE, Measure.PROTECTED_ROUTE)

    def command(self, place: Place) -> Command:
        serve = [str(COMMANDS / "uvicorn"), "benchmarks.host:app", "--port", str(place.port)]
        quiet = ["--no-access-log", "--log-level=warning"]
        return Command([*serve, *quiet], environment_of(place), FOLDER.parent)

    def load(self, measure: Measure, place: Place) -> Load:
        path = "/protected" if measure is Measure.PROTECTED_ROUTE else "/open"
        return Load(tuple(asking(path, place, 256)), SOMEBODY)


def environment_of(place: Place) -> dict[str, str]:
    """What production asks for. Limits are off, for one address asks for everybody."""
    return {
        "KEYWRIGHT_ENV": "production",
        "KEYWRIGHT_BASE_URL": "https://accounts.bench.example",
        "KEYWRIGHT_DATA_DIR": str(place.home / "data"),
        "KEYWRIGHT_DATABASE_URL": place.database,
        "KEYWRIGHT_SECRET_KEY": "of-a-benchmark-and-of-nothing-else-7f3a91",
        "KEYWRIGHT_MAIL_URL": "smtp://127.0.0.1:1",
        "KEYWRIGHT_MAIL_FROM": "accounts@bench.example",
        "KEYWRIGHT_RATE_LIMITS": "off",
        "KEYWRIGHT_TRUSTED_PROXIES": "127.0.0.1",  # people sign in from networks of their own
        "KEYWRIGHT_ACCESS_TOKEN_TTL": "86400",
    }


def keywright(place: Place, *arguments: str) -> None:
    command = [str(COMMANDS / "keywright"), *arguments]
    subprocess.run(command, env=environment_of(place), check=True, stdout=subprocess.DEVNULL)


def settings_of(place: Place) -> Settings:
    given = {
        name.removeprefix("KEYWRIGHT_").lower(): v for name, v in environment_of(place).items()
    }
    return Settings(**given)  # type: ignore[arg-type]  # read from text


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


# What is asked


def tokens_of(place: Place) -> list[dict[str, str]]:
    file = place.home / "tokens.json"
    if not file.exists():
        asyncio.run(write_tokens(place, settings_of(place)))
    found: list[dict[str, str]] = json.loads(file.read_text())
    return found


def asking(path: str, place: Place, many: int) -> Iterator[Request]:
    for tokens in tokens_of(place)[:many]:
        yield Request(path, headers={"Authorization": f"Bearer {tokens['access']}"})


def sign_in(number: int) -> Request:
    body = {"email": email_of(number), "password": PASSWORD, "token_transport": "body"}
    request = json_request(f"{PREFIX}/login", json.dumps(body))
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return replace(request, headers={**request.headers, "X-Forwarded-For": address})


def refreshes(place: Place) -> Load:
    """Each time of sessions that were never refreshed: the last ones, which no other load uses."""
    first = [tokens["refresh"] for tokens in next_part(place, tokens_of(place), CHAINS)]
    template = json_request(f"{PREFIX}/refresh", '{"refresh_token": "{}"}')
    requests = tuple(json_request(template.path, template.body.replace("{}", t)) for t in first)
    return Load(requests, NEW_TOKENS, successor=A_REFRESH_TOKEN, template=template)


def next_part(place: Place, tokens: list[dict[str, str]], size: int) -> list[dict[str, str]]:
    """From the end towards the beginning; the file remembers how far."""
    file = place.home / "refreshed"
    used = int(file.read_text()) if file.exists() else 0
    file.write_text(str(used + size))
    part = tokens[len(tokens) - used - size : len(tokens) - used]
    assert len(part) == size, "too few sessions were seeded"
    return part


def json_request(path: str, body: str) -> Request:
    return Request(path, "POST", {"Content-Type": "application/json"}, body)
