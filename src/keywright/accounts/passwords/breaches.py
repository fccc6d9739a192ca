"""Whether attackers know a password already: the Pwned Passwords range service.

k-anonymity: five characters of the SHA-1 leave the server, some hundred suffixes come back.
https://haveibeenpwned.com/API/v3#PwnedPasswords
"""

from __future__ import annotations

import asyncio
import hashlib

import httpx

from keywright.accounts.passwords.errors import BreachedPassword
from keywright.core.log import get_logger

PWNED_PASSWORDS = "https://api.pwnedpasswords.com"
PREFIX_LENGTH = 5
HEADERS = {"Add-Padding": "true", "User-Agent": "Keywright"}
log = get_logger("keywright.passwords")


class BreachedPasswords:
    """`timeout` is for the whole check, seconds. Closed, it may be used again."""

    def __init__(self, address: str = PWNED_PASSWORDS, *, timeout: float = 1.5) -> None:
        self._address = address
        self._timeout = timeout
        self._client: httpx.AsyncClient | None = self._new_client()  # takes a while: no sign-up's

    async def refuse_breached(self, password: str, *, field: str = "password") -> None:
        """Raises `BreachedPassword`. When the service does not answer, the password passes."""
        try:
            async with asyncio.timeout(self._timeout):
                times = await self.count(password)
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            log.warning("breach_check_unavailable", reason=type(error).__name__)
            return
        if times:
            raise BreachedPassword.because(
                "This password is in a public list of stolen ones. Please choose another.",
                field=field,
            )

    async def count(self, password: str) -> int:
        """How often the password was found in breaches."""
        digest = hashlib.sha1(password.encode()).hexdigest().upper()  # noqa: S324 - the protocol
        prefix, suffix = digest[:PREFIX_LENGTH], digest[PREFIX_LENGTH:]
        self._client = self._client or self._new_client()
        answer = await self._client.get(f"/range/{prefix}")
        answer.raise_for_status()
        return count_of(suffix, answer.text)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _new_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._address, headers=HEADERS, timeout=self._timeout)


def count_of(suffix: str, lines: str) -> int:
    """`SUFFIX:COUNT` a line; padding has a count of 0."""
    counts = dict(line.split(":") for line in lines.split())
    return int(counts.get(suffix, "0"))
