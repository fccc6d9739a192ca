"""better-auth 1.7 on node's own HTTP server, with its cookie cache and without."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.peers.node_environment import NodeEnvironment
from benchmarks.subject import (
    ARGON2_ITERATIONS,
    ARGON2_LANES,
    ARGON2_MEMORY_KIB,
    PASSWORD,
    Command,
    Load,
    Measure,
    Place,
    Request,
    email_of,
    spread,
)

NODE = NodeEnvironment(Path(__file__).parent)
SIGN_IN = "/api/auth/sign-in/email"
SESSION = "/api/auth/get-session"
SIGNED_IN_USERS = 128
USERS_THAT_SIGN_IN = 1024
ANY_EMAIL = r'"email":"user%d+@bench%.example"'


@dataclass(frozen=True)
class BetterAuth:
    cookie_cache: bool
    databases: tuple[str, ...] = ("sqlite", "postgresql")

    @property
    def name(self) -> str:
        return "better-auth" if self.cookie_cache else "better-auth uncached"

    @property
    def measures(self) -> tuple[Measure, ...]:
        if self.cookie_cache:
            return (Measure.OPEN_ROUTE, Measure.WHO_AM_I, Measure.SIGN_IN)
        return (Measure.WHO_AM_I_UNCACHED,)

    def install(self) -> None:
        NODE.install()

    def seed(self, place: Place) -> None:
        amounts = {"USERS": str(place.users), "SESSIONS": str(place.sessions)}
        NODE.run("seed.mjs", variables=self.variables(place) | amounts | {"PASSWORD": PASSWORD})

    def command(self, place: Place) -> Command:
        return NODE.command("server.mjs", self.variables(place))

    def variables(self, place: Place) -> dict[str, str]:
        return {
            "NODE_ENV": "production",
            "PORT": str(place.port),
            "DATABASE_URL": place.database,
            "BETTER_AUTH_URL": place.url,
            "BETTER_AUTH_SECRET": "no secret, but with 32 characters or more: Zt7wq1",
            "COOKIE_CACHE": "on" if self.cookie_cache else "off",
            "ARGON2_MEMORY_KIB": str(ARGON2_MEMORY_KIB),
            "ARGON2_ITERATIONS": str(ARGON2_ITERATIONS),
            "ARGON2_LANES": str(ARGON2_LANES),
        }

    def is_ready(self, place: Place) -> bool:
        try:
            return httpx.get(f"{place.url}/api/auth/ok", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def load(self, measure: Measure, place: Place) -> Load:
        if measure is Measure.OPEN_ROUTE:
            return Load((Request("/open"),), expected=ANY_EMAIL)
        if measure is Measure.SIGN_IN:
            users = spread(place.users, USERS_THAT_SIGN_IN)
            return Load(tuple(map(sign_in_request, users)), expected=r'"token":"%w+".*' + ANY_EMAIL)
        with httpx.Client(base_url=place.url, trust_env=False, timeout=60) as client:
            cookies = [sign_in(client, number) for number in spread(place.users, SIGNED_IN_USERS)]
        requests = tuple(Request(SESSION, headers={"Cookie": cookie}) for cookie in cookies)
        return Load(requests, expected=ANY_EMAIL)


def sign_in_request(number: int) -> Request:
    body = json.dumps({"email": email_of(number), "password": PASSWORD})
    return Request(SIGN_IN, "POST", {"Content-Type": "application/json"}, body)


def sign_in(client: httpx.Client, number: int) -> str:
    """The `Cookie` header of a new session: with a cache, it holds the session's data too."""
    client.cookies.clear()
    request = sign_in_request(number)
    answer = client.post(request.path, content=request.body, headers=request.headers)
    answer.raise_for_status()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
