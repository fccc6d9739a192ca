"""django-allauth with its JWT token strategy: sessions that refresh.

By itself, since a server has one strategy, and this one makes signing in dearer.
"""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks.peers.allauth.peer import API, JSON, Allauth, sign_in_of
from benchmarks.subject import Load, Measure, Place, Request, spread

CHAINS = 64
A_JWT = "[%w_-]+%.[%w_-]+%.[%w_-]+"
NEW_TOKENS = f'"access_token": "{A_JWT}", "refresh_token": "{A_JWT}"'
NEXT_TOKEN = f'"refresh_token": "({A_JWT})"'


class AllauthJwt(Allauth):
    name = "django-allauth, JWT"
    measures: tuple[Measure, ...] = (Measure.REFRESH,)

    def seed(self, place: Place) -> None:
        # The size that "Token strategies > JWT tokens" tells to generate.
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key_of(place).write_bytes(pem)
        super().seed(place)

    def load(self, measure: Measure, place: Place) -> Load:
        if measure != Measure.REFRESH:
            raise ValueError(f"{self.name} has no {measure}")
        return Load(
            tuple(refresh(token) for token in new_chains(place)),
            NEW_TOKENS,
            successor=NEXT_TOKEN,
            template=refresh("{}"),
        )

    def variables(self, place: Place) -> dict[str, str]:
        return {**super().variables(place), "JWT_PRIVATE_KEY_FILE": str(key_of(place))}


def key_of(place: Place) -> Path:
    return place.home / "jwt.pem"


def refresh(token: str) -> Request:
    return Request(f"{API}/tokens/refresh", "POST", JSON, json.dumps({"refresh_token": token}))


def new_chains(place: Place) -> list[str]:
    with httpx.Client(base_url=place.url, trust_env=False, timeout=30) as client:
        return [sign_in(client, number) for number in spread(place.users, CHAINS)]


def sign_in(client: httpx.Client, number: int) -> str:
    asked = sign_in_of(number)
    answer = client.post(asked.path, headers=asked.headers, content=asked.body)
    token: str = answer.raise_for_status().json()["meta"]["refresh_token"]
    return token
