"""Keeps secrets out of logs and audit details: by type, by name, by shape.

Every pattern runs in time linear in its text (possessive quantifiers, no failing tail), because
the text may come from an attacker.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import SecretBytes, SecretStr

MASK = "[hidden]"
DEEPEST = 8


class Secret:
    """A value that shows itself to `reveal()` alone."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__


class Shown(str):
    """A text that is logged as it is, secret or not: development's mailed links, nothing else."""

    __slots__ = ()


SECRET_TYPES = (Secret, SecretStr, SecretBytes)
PLAIN_TYPES = (type(None), bool, int, float, UUID, date, timedelta)

# A name hides its value when it ends like this: `new_password`, `Set-Cookie`, `accessToken`.
SECRET_NAMES = (
    "apikey",
    "assertion",
    "authorization",
    "cookie",
    "codeverifier",
    "devicecode",
    "passphrase",
    "password",
    "passwordhash",
    "passwd",
    "privatekey",
    "rawkey",
    "recoverycode",
    "secret",
    "secretkey",
    "token",
    "usercode",
)
NAME_IN_TEXT = (
    r"(?:api[_-]?key|assertion|authorization|cookie|code_verifier|device_code|passphrase|"
    r"password|passwd|private_key|raw_key|recovery_code|secret|secret_key|token|user_code)"
)
# `password='…'`, `"token": "…"`: text that once was a dict, JSON or a repr.
QUOTED_VALUE = re.compile(
    rf"""(?ix) ({NAME_IN_TEXT}s?["']?\s*+[:=]\s*+)
    (?: b?"(?:\\.|[^"\\])*+"? | b?'(?:\\.|[^'\\])*+'? )"""
)
# In the path of an access log, also inside an encoded `return_to`.
QUERY_VALUE = re.compile(
    rf"(?i)((?:{NAME_IN_TEXT}|(?:(?<=[?&#;])|(?<=%3F)|(?<=%26))(?:code|state|id_token_hint))"
    r"(?:=|%3D))(?!\[hidden\])[^&\s\"'#;]++"
)
HEADER_LINE = re.compile(r"(?i)((?:cookie|authorization):[ \t]*+)(?!\[hidden\])[^\r\n\"']++")
CREDENTIAL = re.compile(r"(?i)\b((?:bearer|basic|dpop)[ \t]++)[\w+/=.~-]{12,}+")
JSON_WEB_TOKEN = re.compile(r"eyJ[\w-]{8,}+(?:\.[\w-]*+){0,4}")
OWN_TOKEN = re.compile(r"(?:kwr_|kw_live_|kw_test_)[\w.~-]++")
URL_PASSWORD = re.compile(r"(://[^/\s:@]{0,256}:)[^/\s]{1,512}@")


def redact(value: Any, depth: int = 0) -> Any:
    """The value without its secrets, made of plain types: ready for JSON."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, (*PLAIN_TYPES, Shown)):
        return value
    if isinstance(value, SECRET_TYPES):
        return MASK
    if isinstance(value, str):
        return mask_text(value)
    if depth < DEEPEST and isinstance(value, Mapping):
        return {str(name): redact_named(str(name), each, depth + 1) for name, each in value.items()}
    if depth < DEEPEST and isinstance(value, (list, tuple, AbstractSet)):
        return [redact(each, depth + 1) for each in value]
    return mask_text(repr(value))


def redact_named(name: str, value: Any, depth: int = 0) -> Any:
    """A value whose name says that it is secret is hidden, whatever it is."""
    if value is not None and not isinstance(value, bool) and is_secret_name(name):
        return MASK
    return redact(value, depth)


def is_secret_name(name: str) -> bool:
    bare = name.lower().replace("-", "").replace("_", "").removesuffix("s")
    return bare.endswith(SECRET_NAMES)


def mask_text(text: str) -> str:
    """Hide what has the shape of a token, a credential or a named secret."""
    text = QUOTED_VALUE.sub(rf"\1{MASK}", text)
    text = QUERY_VALUE.sub(rf"\1{MASK}", text)
    text = HEADER_LINE.sub(rf"\1{MASK}", text)
    text = CREDENTIAL.sub(rf"\1{MASK}", text)
    text = JSON_WEB_TOKEN.sub(MASK, text)
    text = OWN_TOKEN.sub(MASK, text)
    return URL_PASSWORD.sub(rf"\1{MASK}@", text)
