"""Rules of security.md, "Master secret and keys" and "Browser": settings that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from keywright import Keywright, Settings
from keywright.core.errors import ConfigurationError

SAFE = {
    "env": "production",
    "base_url": "https://accounts.example.com",
    "secret_key": "8Rk2xqvVbYw0Jd5uXoPzLm7NcTgHsAeFiQ3",
    "mail_url": "smtp://smtp.example.com",
    "mail_from": "Example <accounts@example.com>",
    "database_url": "sqlite:///:memory:",
}


def start(**settings: Any) -> None:
    """As an application does; `keywright serve` asks the same function."""
    Keywright(Settings(_env_file=None, **settings))


def refused(sentence: str, **settings: Any) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        start(**{**SAFE, **settings})


def test_safe_settings_start() -> None:
    start(**SAFE)
    start(**{**SAFE, "allowed_origins": ("https://app.example.com",)})


@pytest.mark.parametrize("host", ["accounts.example.com", "192.168.1.5", "0.0.0.0"])
def test_an_unset_environment_serves_this_machine_alone(host: str) -> None:
    start(database_url="sqlite:///:memory:", secret_key=SAFE["secret_key"])
    refused("set KEYWRIGHT_ENV=production", env=None, base_url=f"http://{host}:8000")


@pytest.mark.parametrize("secret", [None, "short", "a" * 64, "changeme" * 8])
def test_production_refuses_a_missing_short_or_simple_secret(secret: str | None) -> None:
    refused("openssl rand -base64 48", secret_key=secret)


def test_production_refuses_plain_http_and_with_it_insecure_cookies() -> None:
    refused("set KEYWRIGHT_BASE_URL", base_url="http://accounts.example.com")


@pytest.mark.parametrize("settings", [{"mail_url": None}, {"mail_from": "no-reply@localhost"}])
def test_production_refuses_to_be_unable_to_send_mail(settings: dict[str, Any]) -> None:
    refused("set KEYWRIGHT_MAIL_", **settings)


@pytest.mark.parametrize("origin", ["https://app.example.net", "http://app.example.com"])
def test_credentialed_cors_is_refused_to_another_site(origin: str) -> None:
    refused("on another site", allowed_origins=(origin,))
