"""A database's password may hold anything; what cannot be read is refused, and nothing of it told."""

from __future__ import annotations

import asyncio
import re
import struct
import traceback
from urllib.parse import quote, unquote, urlsplit

import pytest

from keywright.core.db import open_database
from keywright.core.db.url import describe_database, plain_dsn
from keywright.core.errors import ConfigurationError, KeywrightError

pytestmark = pytest.mark.anyio
ESCAPED = r"`/` as %2F"

# Written as they are. Each has a character that ends the password where a URL is read.
MISREAD = [
    "hunter2/Xyzzy",
    "8080/Xyzzy",
    "hunter2?Xyzzy",
    "hunter2#Xyzzy",
    "8080#Xyzzy",
    "hunter2/Xyzzy/[y]?z#w",
    "@hunter2/Xyzzy",
    "hunter2/Xyzzy@8080",
    "hunter2?Xyzzy=1&sslmode=require",
    "\u2100hunter2/Xyzzy",
]
# These can be told from the rest of the address, so they need no escape.
READ_AS_THEY_ARE = [
    "hunter2@Xyzzy",
    "hunter2[Xyzzy",
    "hunter2]Xyzzy",
    "[hunter2]Xyzzy",
    "hunter2:Xyzzy",
    "hunter2%Xyzzy",
    "hunter2&Xyzzy=1",
    "hunter2\u2100Xyzzy",  # NFKC makes a/c of it, which Python's own parser refuses, repeating all
    "hunter2 +Xyzzy",
]


def escape(password: str) -> str:
    return quote(password, safe="")


@pytest.mark.parametrize("password", MISREAD)
def test_a_password_that_would_be_misread_is_refused_and_not_repeated(password: str) -> None:
    refused = refuse(f"postgresql://app:{password}@db.internal/app")
    assert re.search(ESCAPED, refused.detail)


@pytest.mark.parametrize("password", [*READ_AS_THEY_ARE, *map(escape, MISREAD)])
def test_a_password_that_can_be_told_apart_is_taken(password: str) -> None:
    dsn, _ = plain_dsn(f"postgresql://app:{password}@db.internal:5433/app")
    parts = urlsplit(dsn)
    assert (parts.hostname, parts.port, parts.path) == ("db.internal", 5433, "/app")
    assert unquote(parts.password or "") == unquote(password)


NO_ADDRESS = [
    "postgresql://app:hunter2@[::1/app",
    "postgresql://app:hunter2@::1/app",
    "postgresql://app:hunter2@db.internal:Xyzzy/app",
    "postgresql://app:hunter2@db.internal:99999/app",
    "postgresql://app:hunter2@one,,two/app",
    "postgresql://app:hunter2@db.internal/app/Xyzzy",
    "postgresql://app:hunter2@db.internal/app#Xyzzy",
    "postgresql://app:hunter2@db.internal/app?Xyzzy",
    "postgresql://app:hunter2@/app?host=one,,two",
    "postgresql://app:hunter2%ff@db.internal/app",
    "postgresql:app:hunter2@db.internal/app",
    "app:hunter2@db.internal/app",
    "hunter2",
    "mysql+hunter2://db.internal/app",
    "sqlite:///data/hunter2%00",
]


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    refuse(url)


def refuse(url: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError, match="KEYWRIGHT_DATABASE_URL") as refusal:
        open_database(url)
    refuse_to_repeat(refusal.value)
    return refusal.value


def refuse_to_repeat(error: BaseException) -> None:
    """Not even in the traceback that a log would show."""
    shown = "".join(traceback.format_exception(error)).splitlines()
    told = "\n".join(line for line in shown if not line.startswith("    "))  # but for our source
    for part in ("hunter2", "Xyzzy", "8080"):
        assert part not in told


@pytest.mark.parametrize(
    "options", ["port=hunter2", "sslmode=hunter2", "ssl_min_protocol_version=hunter2"]
)
async def test_what_only_the_driver_refuses_is_not_repeated(options: str) -> None:
    database = open_database(f"postgresql://app:hunter2@127.0.0.1:1/app?{options}")
    with pytest.raises(KeywrightError) as refusal:
        await database.open()
    refuse_to_repeat(refusal.value)


@pytest.mark.parametrize(
    ("url", "described"),
    [
        ("postgresql://app:hunter2@db.internal:5433/app?sslmode=require", "db.internal:5433/app"),
        ("postgresql://db.internal/app?user=app&password=hunter2", "db.internal/app"),
        ("postgresql:///app?host=/run/postgresql&password=hunter2", "/run/postgresql/app"),
        ("postgresql+asyncpg://app:hunter2@[::1]/my%20app", "[::1]/my app"),
        ("sqlite:////var/lib/keywright.db", "/var/lib/keywright.db"),
        ("sqlite://", "in memory"),
    ],
)
def test_an_address_is_described_without_user_and_password(url: str, described: str) -> None:
    assert describe_database(url).endswith(f"({described})")


@pytest.mark.parametrize("password", [*READ_AS_THEY_ARE, *map(escape, MISREAD)])
async def test_the_server_gets_the_password_that_was_meant(password: str) -> None:
    """A stand-in asks for it in the clear, which PostgreSQL keeps for those who configure it."""
    asked = Asked()
    async with await asyncio.start_server(asked.ask, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        database = open_database(
            f"postgresql://app:{password}@127.0.0.1:{port}/app?sslmode=disable"
        )
        with pytest.raises(KeywrightError):
            await database.open()
    assert asked.password == unquote(password)


class Asked:
    """A server that asks who connects for the password, and then hangs up."""

    password = ""

    async def ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (size,) = struct.unpack("!i", await reader.readexactly(4))
        await reader.readexactly(size - 4)  # StartupMessage
        writer.write(struct.pack("!cii", b"R", 8, 3))  # AuthenticationCleartextPassword
        _, size = struct.unpack("!ci", await reader.readexactly(5))
        self.password = (await reader.readexactly(size - 4)).removesuffix(b"\0").decode()
        writer.close()
