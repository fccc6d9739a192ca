"""The connection to Valkey or Redis. It is always a help and never the only copy of anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from keywright.core.errors import ConfigurationError

if TYPE_CHECKING:
    from redis.asyncio import Redis

UNREADABLE = (
    "KEYWRIGHT_CACHE_URL cannot be read: it looks like "
    "redis://user:password@cache.internal:6379/0, and `/`, `?`, `#`, "
    "`[`, `]` and `@` of a user name or password are %2F, %3F, %23, %5B, %5D and %40 in it."
)
ANSWER_SECONDS = 0.5  # a server that is slower than this is as good as gone


def connect_valkey(cache_url: str, *, answer_seconds: float | None = ANSWER_SECONDS) -> Redis:
    """A client that connects at its first command. Raises `ConfigurationError`, which repeats
    nothing of the URL: it may hold a password.

    One immediate retry, so that connections which died with a restarted server cost nothing.
    """
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import ConnectionError as ConnectionLost
    except ModuleNotFoundError:
        raise ConfigurationError(
            "KEYWRIGHT_CACHE_URL is set, and the client for Valkey and Redis is not installed: "
            "install `keywright[redis]`."
        ) from None
    options: dict[str, Any] = {
        "socket_connect_timeout": ANSWER_SECONDS,
        "socket_timeout": answer_seconds,
        "retry": Retry(NoBackoff(), 1, supported_errors=(ConnectionLost,)),
    }
    refuse_misread_password(cache_url)
    try:
        return Redis.from_url(as_redis_url(cache_url), **options)
    except ValueError:
        raise ConfigurationError(UNREADABLE) from None


def refuse_misread_password(cache_url: str) -> None:
    """A `/`, `?` or `#` ends the part that a password is in; the `@` that follows shows it."""
    after_hosts = re.split(r"[/?#]", cache_url.partition("://")[2], maxsplit=1)[1:]
    if "@" in "".join(after_hosts):
        raise ConfigurationError(UNREADABLE)


def valkey_errors() -> tuple[type[Exception], ...]:
    """What a command may raise when Valkey is gone, starting or full."""
    from redis.exceptions import RedisError

    return (RedisError, OSError)


def as_redis_url(cache_url: str) -> str:
    """redis-py knows `redis`, `rediss` and `unix`; Valkey speaks the same protocol."""
    for scheme in ("valkeys", "valkey"):
        if cache_url.startswith(f"{scheme}://"):
            return f"redis{scheme.removeprefix('valkey')}://{cache_url.partition('://')[2]}"
    return cache_url
