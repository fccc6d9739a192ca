"""The connection to Valkey or Redis. It is always a help and never the only copy of anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keywright.core.errors import ConfigurationError

if TYPE_CHECKING:
    from redis.asyncio import Redis

ANSWER_SECONDS = 0.5  # a server that is slower than this is as good as gone


def connect_valkey(cache_url: str, *, answer_seconds: float | None = ANSWER_SECONDS) -> Redis:
    """A client that connects at its first command. Raises `ConfigurationError`.

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
    try:
        return Redis.from_url(as_redis_url(cache_url), **options)
    except ValueError as error:
        raise ConfigurationError(
            f"KEYWRIGHT_CACHE_URL cannot be used ({error}): it looks like "
            "redis://cache.internal:6379/0."
        ) from None


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
