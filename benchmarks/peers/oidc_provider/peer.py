"""oidc-provider 9, with access tokens of its two formats: signed with RS256, and opaque."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx

from benchmarks.peers.node_environment import NodeEnvironment
from benchmarks.subject import Command, Load, Measure, Place, Request, spread

NODE = NodeEnvironment(Path(__file__).parent)
CLIENT_ID, CLIENT_SECRET = "bench", "no secret, but a long one"
METADATA = "/.well-known/openid-configuration"
RESOURCE = "https://api.bench.example"
BASIC = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET.replace(' ', '+')}".encode()).decode()
AS_CLIENT = {
    "Authorization": f"Basic {BASIC}",
    "Content-Type": "application/x-www-form-urlencoded",
}
USERS_ASKED_ABOUT = 128
CHAINS = 128
SIGNED = r'"access_token":"eyJ[%w_-]+%.[%w_-]+%.[%w_-]+"'
OPAQUE = r'"access_token":"[%w_-]+"'
REFRESH_TOKEN = r'"refresh_token":"([%w_-]+)"'


@dataclass(frozen=True)
class OidcProvider:
    signed: bool
    databases: tuple[str, ...] = ("sqlite", "postgresql")

    @property
    def name(self) -> str:
        return "oidc-provider" if self.signed else "oidc-provider opaque"

    @property
    def measures(self) -> tuple[Measure, ...]:
        tokens = (Measure.REFRESH, Measure.CLIENT_CREDENTIALS)
        if self.signed:
            return (Measure.INTROSPECTION, Measure.USERINFO, Measure.JWKS, *tokens)
        return tokens

    def install(self) -> None:
        NODE.install()

    def seed(self, place: Place) -> None:
        amounts = {"USERS": str(place.users), "SESSIONS": str(place.sessions)}
        NODE.run("seed.mjs", variables=self.variables(place) | amounts)

    def command(self, place: Place) -> Command:
        return NODE.command("server.mjs", self.variables(place))

    def variables(self, place: Place) -> dict[str, str]:
        return {
            "NODE_ENV": "production",
            "PORT": str(place.port),
            "DATABASE_URL": place.database,
            "ISSUER": place.url,
            "KEYS": str(place.home / "jwks.json"),
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": CLIENT_SECRET,
            "RESOURCE": RESOURCE,
            "ACCESS_TOKENS": "jwt" if self.signed else "opaque",
        }

    def is_ready(self, place: Place) -> bool:
        try:
            return httpx.get(f"{place.url}{METADATA}", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def load(self, measure: Measure, place: Place) -> Load:
        match measure:
            case Measure.INTROSPECTION:
                tokens = self.issue(place, "accessToken", USERS_ASKED_ABOUT)
                expected = r'^{"active":true,"sub":"user%d+",.*"scope":"openid email"'
                return Load(tuple(map(introspection, tokens)), expected)
            case Measure.USERINFO:
                tokens = self.issue(place, "accessToken", USERS_ASKED_ABOUT)
                expected = r'^{"sub":"user%d+","email":"user%d+@bench%.example"}$'
                return Load(tuple(map(userinfo, tokens)), expected)
            case Measure.JWKS:
                return Load((Request("/jwks"),), r'^{"keys":%[{.*"kid":"bench".*}%]}$')
            case Measure.CLIENT_CREDENTIALS:
                return Load((client_credentials(),), SIGNED if self.signed else OPAQUE)
            case _:
                return self.refreshes(place)

    def refreshes(self, place: Place) -> Load:
        return Load(
            tuple(map(refresh, self.issue(place, "refreshToken", CHAINS))),
            expected=(SIGNED if self.signed else OPAQUE) + ".*" + REFRESH_TOKEN,
            successor=REFRESH_TOKEN,
            template=refresh("{}"),
        )

    def issue(self, place: Place, kind: str, most: int) -> list[str]:
        """Fresh tokens, beside the running server: hundreds of sign-ins by pages take too long."""
        file = place.home / f"{kind}.json"
        users = [f"user{number}" for number in spread(place.users, most)]
        NODE.run("issue.mjs", kind, str(file), *users, variables=self.variables(place))
        tokens: list[str] = json.loads(file.read_text())
        return tokens


def introspection(token: str) -> Request:
    # RFC 7662, section 2.1: with the hint it looks in fewer places.
    return form("/token/introspection", {"token": token, "token_type_hint": "access_token"})


def userinfo(token: str) -> Request:
    return Request("/me", headers={"Authorization": f"Bearer {token}"})


def client_credentials() -> Request:
    asked = {"grant_type": "client_credentials", "scope": "read", "resource": RESOURCE}
    return form("/token", asked)


def refresh(token: str) -> Request:
    return form("/token", {"grant_type": "refresh_token", "refresh_token": token})


def form(path: str, values: dict[str, str]) -> Request:
    return Request(path, "POST", AS_CLIENT, urlencode(values, safe="{}"))
