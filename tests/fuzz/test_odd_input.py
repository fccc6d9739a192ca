"""Input that may well be meant: whatever becomes of it, both databases take it or say why not."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from parts.house import API, BY_PROGRAM, HOME, PASSWORD, House, expect
from parts.operations import complaint
from pydantic import BaseModel, ConfigDict

pytestmark = pytest.mark.anyio

LIGATURE = "\ufdfa"  # folds to 18 characters
ODD_TEXTS = [
    "",
    " ",
    "👩‍🔧🔑",
    "🔑" * 64,
    LIGATURE * 64,
    "İıſẞß",
    "e\u0301" * 32,
    "\u202etxet\u202c",
    "\u200b\u200d\ufeff",
    "\x01\x1f\x7f\x85",
    "\ud83d",
    "🔑\udd11",
    "\uffff\ufdd0",
    "<script>alert(1)</script>",
    "'; DROP TABLE kw_user; --",
    "%s{0}${x}\\%_",
    "../../etc/passwd\r\nSet-Cookie: a=b",
    "x" * 200,
]
ODD_EMAILS = [
    "🔑@example.com",
    "ada@🔑.example",
    "ada@éxample.com",
    "ada@example。com",
    "ADA@EXAMPLE.COM",
    "ad\u0430@example.com",
    LIGATURE * 60 + "@example.com",
    "a" * 64 + "@" + "b" * 63 + ".example",
    "a" * 308 + "@example.com",
    "ada@" + "a." * 150 + "com",
    "ada@[127.0.0.1]",
    "ada@localhost",
    "ada@example",
    "ada@example.com.",
    '"ada lovelace"@example.com',
    "ada+tag@example.com",
    "ada@@example.com",
    "@example.com",
    "ada@",
    "ada@example.com\r\nBcc: eve@example.com",
    "ada@example.com\u2028",
    "ada@xn--.com",
    "ada@xn--80ak6aa92e.com",
    "ada\ud83d@example.com",
    "ada\u200d@example.com",
    "İ@example.com",
    "ada@ß.example",
    "   ",
]
ODD_PASSWORDS = [
    "🔑" * 8,
    LIGATURE * 14,
    LIGATURE * 15,
    "e\u0301" * 128,
    " " * 20,
    "\x01" * 10,
    "x" * 1024,
]
ODD_HEADERS: list[dict[str, bytes]] = [
    {"user-agent": "👩‍🔧".encode() * 100},
    {"user-agent": b"\xff\xfe\x80"},
    {"user-agent": b"a\x00b"},
    {"user-agent": b""},
    {"user-agent": b"x" * 20_000},
    {"x-forwarded-for": b"garbage, 1.2.3.4, ::::, \xff"},
    {"forwarded": b"for=" * 1000},
    {"x-request-id": b"\x00" * 10},
    {"accept-language": b"\xff;q=x,,,"},
    {"accept": b"application/json;q=\xff"},
    {"host": b"evil.example:99999"},
    {"host": b"[::1"},
    {"host": b"\xff"},
    {"referer": b"javascript:alert(1)"},
    {"range": b"bytes=0-0,1-1,-"},
    {"expect": b"100-continue"},
    {"content-encoding": b"gzip"},
    {"if-none-match": b"*"},
]
ODD_CREDENTIALS: list[dict[str, bytes]] = [
    {"authorization": value}
    for value in (
        b"",
        b"Bearer",
        b"Bearer ",
        b"bearer \xff\xfe",
        b"Bearer a b c",
        b"Bearer " + b"x" * 20_000,
        b"Bearer ....",
        b"Bearer a.b.c",
        b"Bearer eyJhbGciOiJub25lIn0.e30.",
        b"Bearer " + "🔑".encode() * 3,
        b"Bearer \x00",
        b"Basic YWRhOmFkYQ==",
        b"Basic \xff",
        b"Digest username=ada",
        b"Bearer kw_live_abc",
    )
] + [{"x-api-key": value} for value in (b"", b"kw_live_", b"\xff" * 50, b"x" * 20_000, b"\x00")]
ODD_COOKIES = [
    b"",
    b"\xff",
    b"=",
    b";;;",
    b'"\\000"',
    b"x" * 20_000,
    "🔑".encode(),
    b"a.b.c",
    b"\x00",
]


class Profile(BaseModel):
    model_config = ConfigDict(extra="allow")

    motto: str | None = None


def ascii_json(value: Any) -> dict[str, Any]:
    """As a request's body, in which halves of surrogate pairs can be written."""
    return {"content": json.dumps(value), "headers": {"content-type": "application/json"}}


def encoded(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def fault(answer: httpx.Response) -> str | None:
    return complaint(answer) if answer.status_code >= 400 else None


async def administrator(house: House) -> httpx.AsyncClient:
    client = await house.client(HOME, BY_PROGRAM)
    await house.under_test.sign_in(client, email="grace@example.com", roles=["admin"])
    return client


@pytest.mark.settings(profile=Profile)
async def test_odd_texts_in_a_profile(house: House) -> None:
    client = await administrator(house)
    for text in ODD_TEXTS:
        for change in ({"name": text}, {"username": text}, {"profile": {"motto": text, text: 1}}):
            answer = await client.patch(f"{API}/users/me", **ascii_json(change))
            assert fault(answer) is None, change
            if answer.status_code == 200 and "name" in change:
                kept = (await client.get(f"{API}/users/me")).json()["name"]
                assert kept == text or kept == text.strip() or kept is None


@pytest.mark.settings(profile=Profile)
async def test_odd_json_in_a_profile(house: House) -> None:
    client = await administrator(house)
    sent = [
        '{"a": "\\ud83d"}',
        '{"\\ud83d": 1}',
        '{"a": 1e400}',
        '{"a": -1e400}',
        '{"a": %s}' % ("9" * 4000),
        '{"a": 1e-400}',
        '{"a": 0.1234567890123456789012345}',
        '{"a": null, "b": [], "c": {}, "d": true}',
        '{"a": ' + "[" * 15 + "]" * 15 + "}",
        '{"": ""}',
        json.dumps({f"k{n}": n for n in range(3000)}),
    ]
    for profile in sent:
        body = f'{{"profile": {profile}}}'
        headers = {"content-type": "application/json"}
        answer = await client.patch(f"{API}/users/me", content=body, headers=headers)
        assert fault(answer) is None, body[:100]
        assert fault(await client.get(f"{API}/users/me")) is None, body[:100]


async def test_odd_addresses_and_passwords(house: House) -> None:
    client = await house.client(HOME, BY_PROGRAM)
    tries: list[dict[str, Any]] = [{"email": one, "password": PASSWORD} for one in ODD_EMAILS]
    tries += [{"email": "ada@example.com", "password": one} for one in ODD_PASSWORDS]
    tries += [
        {"email": "ada@example.com", "password": PASSWORD, "username": one} for one in ODD_TEXTS
    ]
    for body in tries:
        who = {"email": body["email"], "password": body["password"]}
        for path, sent in {
            "register": body,
            "login": who,
            "forgot-password": {"email": body["email"]},
            "resend-verification": {"email": body["email"]},
            "password-strength": {"password": body["password"]},
        }.items():
            assert fault(await client.post(f"{API}/auth/{path}", **ascii_json(sent))) is None, (
                path,
                body,
            )
        form = f"username={encoded(who['email'])}&password={encoded(who['password'])}"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = await client.post(f"{API}/auth/login", content=form, headers=headers)
        assert fault(answer) is None, form
    await house.outbox.mails()  # each that was taken can be mailed to


@pytest.mark.parametrize(
    "headers", [*ODD_HEADERS, *ODD_CREDENTIALS], ids=lambda one: repr(one)[:50]
)
async def test_odd_headers(house: House, headers: dict[str, bytes]) -> None:
    client = await house.client(HOME, {})
    await house.under_test.sign_in(client)
    for method, path, body in (
        ("GET", f"{API}/auth/me", None),
        ("GET", "/system/health/live", None),
        ("GET", f"{API}/auth/sessions", None),
        ("POST", f"{API}/auth/login", {"email": "ada@example.com", "password": PASSWORD}),
        ("POST", f"{API}/auth/refresh", {"refresh_token": "x"}),
        ("POST", f"{API}/auth/logout", None),
    ):
        answer = await client.request(method, path, json=body, headers=headers)
        assert fault(answer) is None, path


@pytest.mark.parametrize("value", ODD_COOKIES, ids=lambda one: repr(one)[:30])
async def test_odd_cookies(house: House, value: bytes) -> None:
    client = await house.client(HOME, {})
    names = ("kw_refresh", "kw_session", "kw_device", "kw_sign_up", "kw_form")
    for prefix in (b"", b"__Host-", b"__Secure-"):
        jar = b"; ".join(prefix + name.encode() + b"=" + value for name in names)
        for path in ("refresh", "logout", "login", "register", "verify-email"):
            answer = await client.post(f"{API}/auth/{path}", headers={"cookie": jar}, json={})
            assert fault(answer) is None, path
        assert (await client.get("/account", headers={"cookie": jar})).status_code < 500
        assert (await client.get("/sign-in", headers={"cookie": jar})).status_code < 500


async def test_odd_searches(house: House) -> None:
    client = await administrator(house)
    for text in [*ODD_TEXTS, "%", "_", "\\", "\\%", "'", "x" * 100]:
        answer = await client.get(f"{API}/users?search={encoded(text)}&role={encoded(text[:64])}")
        assert fault(answer) is None, text
    expect(await client.get(f"{API}/users", params={"search": "grace"}), 200)
