from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import pytest
from pydantic import SecretStr

from keywright.core.redaction import MASK, Secret, is_secret_name, mask_text, redact

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
REFRESH = "kwr_AbCdEf-123_xyz"
API_KEY = "kw_live_0123456789abcdefABCDEF_0123456789"


class Color(StrEnum):
    RED = "red"


@dataclass
class Form:
    email: str
    password: str


def test_secret_types_are_hidden_wherever_they_stand():
    shown = redact({"plain": Secret("hunter2"), "list": [SecretStr("hunter2")]})
    assert shown == {"plain": MASK, "list": [MASK]}
    assert "hunter2" not in f"{Secret('hunter2')} {Secret('hunter2')!r}"
    assert Secret("hunter2").reveal() == "hunter2"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "token",
        "secret",
        "authorization",
        "Authorization",
        "cookie",
        "Set-Cookie",
        "set_cookie",
        "api_key",
        "X-API-Key",
        "refresh_token",
        "accessToken",
        "new_password",
        "current_password",
        "password_hash",
        "client_secret",
        "KEYWRIGHT_SECRET_KEY",
        "tokens",
    ],
)
def test_names_of_secrets_hide_their_values(name):
    assert is_secret_name(name)
    assert redact({name: "hunter2", "deep": [{name: ["hunter2"]}]}) == {
        name: MASK,
        "deep": [{name: MASK}],
    }


@pytest.mark.parametrize("name", ["token_type", "user_id", "code", "password_score", "event"])
def test_other_names_show_their_values(name):
    assert redact({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    "text",
    [
        f"could not read {JWT}",
        f"refused {REFRESH}!",
        f"key {API_KEY} is unknown",
        f"key kw_test_{API_KEY[8:]} is unknown",
        "GET /verify-email?token=s3cr3tvalue HTTP/1.1",
        "GET /callback?code=s3cr3tvalue&state=s3cr3tvalue HTTP/1.1",
        "GET /sign-in?return_to=%2Freset-password%3Ftoken%3Ds3cr3tvalue HTTP/1.1",
        "GET /x?a=1&refresh_token=s3cr3tvalue",
        "Authorization: Bearer s3cr3tvalue-abcdefgh",
        "sent authorization='Bearer s3cr3tvalue-abcdefgh'",
        "with Basic czNjcjN0dmFsdWU6cGFzc3dvcmQ=",
        "Cookie: __Host-kw_session=s3cr3tvalue; other=s3cr3tvalue",
        """{"email": "a@example.com", "password": "s3cr3tvalue \\" s3cr3tvalue"}""",
        "Form(email='a@example.com', password='s3cr3tvalue')",
        "{'new_password': b's3cr3tvalue'}",
        "connecting to postgresql://kw:s3cr3tvalue@db.internal/keywright",
        "connecting to redis://:s3cr3t@value@cache:6379/0",
    ],
)
def test_token_shapes_are_hidden_in_text(text):
    shown = mask_text(text)
    assert MASK in shown
    for secret in (
        "s3cr3tvalue",
        "czNjcjN0",
        "s3cr3t",
        JWT[:20],
        JWT[-8:],
        REFRESH[4:],
        "0123456789",
    ):
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/v1/users/me HTTP/1.1 status_code=200",
        "https://accounts.example.com/sign-in?locale=de",
        "user 01975a3e-0000-7000-8000-000000000000 signed in",
        "mail to a@example.com over smtp://mail.example.com:587",
    ],
)
def test_harmless_text_is_left_alone(text):
    assert mask_text(text) == text


def test_masking_twice_changes_nothing_more():
    once = mask_text(f"Cookie: a=b /x?token=abc Bearer {JWT} password='x' redis://u:p@h")
    assert mask_text(once) == once


def test_other_objects_are_masked_as_they_print():
    assert "hunter2" not in redact(Form("a@example.com", "hunter2"))
    assert "hunter2" not in redact(ValueError("password='hunter2'"))


def test_plain_values_stay_what_they_are():
    user_id = UUID(int=7)
    values = {"n": 1, "f": 1.5, "b": True, "id": user_id, "color": Color.RED, "none": None}
    assert redact(values) == values


def test_bottomless_values_end():
    bottomless: list[object] = []
    bottomless.append(bottomless)
    assert "..." in str(redact(bottomless))


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "token=",
        "token='",
        "Bearer ",
        "://",
        "://a:",
        "kwr_",
        "cookie:",
        " ",
        "a",
        "%3Ftoken%3D",
    ],
)
def test_masking_takes_linear_time_on_hostile_text(piece):
    text = piece * (200_000 // len(piece))
    began = time.perf_counter()
    mask_text(text)
    assert time.perf_counter() - began < 1.0
