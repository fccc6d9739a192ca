"""Rules of security.md, "Master secret and keys" and "Browser": settings that are refused."""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from keywright import Keywright, Settings
from keywright.core.errors import ConfigurationError
from keywright.core.settings import load_settings
from keywright.core.unsafe_settings import refuse_weak_old_secrets, refuse_weak_secret

SAFE = {
    "env": "production",
    "base_url": "https://accounts.example.com",
    "secret_key": "8Rk2xqvVbYw0Jd5uXoPzLm7NcTgHsAeFiQ3",
    "mail_url": "smtp://smtp.example.com",
    "mail_from": "Example <accounts@example.com>",
    "database_url": "postgresql://db.internal/keywright",
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


EXAMPLES = [
    "your-secret-key-change-in-production-please",
    "<the output of `openssl rand -base64 48`>",
    "ChangeThisBeforeYouGoToProduction-0123456789",
    "SUPER_SECRET_0123456789_ABCDEFGHIJKLMNOP",
    "keywright-example-value-of-forty-characters-1",
    "<paste here what your key manager gives to you>",
]


@pytest.mark.parametrize("secret", EXAMPLES)
def test_production_refuses_a_secret_that_was_copied_from_an_example(secret: str) -> None:
    refused("KEYWRIGHT_SECRET_KEY .* example", secret_key=secret)


@pytest.mark.parametrize("secret", ["dev", *EXAMPLES])
def test_production_refuses_an_old_secret_that_can_be_guessed(secret: str) -> None:
    refused("KEYWRIGHT_SECRET_KEYS_OLD", secret_keys_old=(secrets.token_hex(32), secret))


def test_production_takes_every_random_secret() -> None:
    for _ in range(2000):
        for secret in (
            secrets.token_hex(16),
            secrets.token_urlsafe(32),
            b64encode(secrets.token_bytes(24)).decode(),
            b64encode(secrets.token_bytes(48)).decode(),
        ):
            refuse_weak_secret(secret)
            refuse_weak_old_secrets((secret,))


def test_production_refuses_plain_http_and_with_it_insecure_cookies() -> None:
    refused("set KEYWRIGHT_BASE_URL", base_url="http://accounts.example.com")


@pytest.mark.parametrize("settings", [{"mail_url": None}, {"mail_from": "no-reply@localhost"}])
def test_production_refuses_to_be_unable_to_send_mail(settings: dict[str, Any]) -> None:
    refused("set KEYWRIGHT_MAIL_", **settings)


@pytest.mark.parametrize("password", ["hunter2/Xy", "hunter2?Xy", "hunter2#Xy", "x/hunter2[Xy"])
def test_no_part_of_a_databases_address_is_repeated(password: str) -> None:
    """More of it: tests/core/db/test_db_odd_passwords.py."""
    with pytest.raises(ConfigurationError, match=r"`/` as %2F") as refusal:
        start(**{**SAFE, "database_url": f"postgresql://app:{password}@db.internal/app"})
    assert not {"hunter2", "Xy"} & set(re.findall(r"\w+", refusal.value.detail))


@pytest.mark.parametrize("path", ["", "/", "/:memory:", "/%3Amemory%3A"])
@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite"])
def test_production_refuses_a_database_in_memory(scheme: str, path: str) -> None:
    refused("set it to a file", database_url=f"{scheme}://{path}")


def test_production_takes_a_database_in_a_file(tmp_path: Path) -> None:
    start(**{**SAFE, "database_url": f"sqlite:///{tmp_path}/keywright.db"})
    start(**{**SAFE, "database_url": None, "data_dir": tmp_path})


@pytest.mark.parametrize("origin", ["https://app.example.net", "http://app.example.com"])
def test_credentialed_cors_is_refused_to_another_site(origin: str) -> None:
    refused("on another site", allowed_origins=(origin,))


@pytest.mark.parametrize(
    "domain", ["other.test", "ccounts.example.com", "eu.accounts.example.com", "com"]
)
def test_a_cookie_domain_that_browsers_would_not_take_is_refused(domain: str) -> None:
    refused("set KEYWRIGHT_COOKIE_DOMAIN", cookie_domain=domain)


def test_a_cookie_domain_that_everybody_can_register_below_is_refused() -> None:
    host = "ada.github.io"
    refused("set KEYWRIGHT_COOKIE_DOMAIN", base_url=f"https://{host}", cookie_domain="github.io")


@pytest.mark.parametrize("domain", ["example.com", "accounts.example.com", ".Example.COM"])
def test_a_cookie_domain_is_this_host_or_a_parent_of_it(domain: str) -> None:
    start(**{**SAFE, "cookie_domain": domain})


# What a browser sends as its origin is compared with these as text.

ORIGINS = [
    ("https://Accounts.Example.com:443", "https://accounts.example.com"),
    ("HTTPS://accounts.example.com", "https://accounts.example.com"),
    ("http://accounts.example.com:80", "http://accounts.example.com"),
    ("https://accounts.example.com:8443", "https://accounts.example.com:8443"),
    ("https://Bücher.example", "https://xn--bcher-kva.example"),
    ("http://[0:0::1]:8000", "http://[::1]:8000"),
]


@pytest.mark.parametrize(("written", "sent"), ORIGINS)
def test_origins_are_kept_as_browsers_send_them(written: str, sent: str) -> None:
    settings = load_settings(_env_file=None, base_url=f"{written}/Id/", allowed_origins=(written,))
    assert (settings.base_url, settings.origin) == (f"{sent}/Id", sent)
    assert settings.allowed_origins == (sent,)


NO_ORIGIN = [
    "https://u:hidden@accounts.example.com",
    "https://@accounts.example.com",
    "https://accounts.example.com?x=hidden",
    "https://accounts.example.com#hidden",
    "https://accounts.example.com:99999",
    "https://accounts.example.com:x",
    "https://accounts.example.com\\hidden",
    "https://a b.example",
    "https://[::1",
    "https://[fe80::1%25eth0]",
    "https://:443",
    "ftp://accounts.example.com",
    "accounts.example.com",
    "*",
]


@pytest.mark.parametrize("url", NO_ORIGIN)
@pytest.mark.parametrize("setting", ["base_url", "allowed_origins"])
def test_what_no_browser_sends_is_refused_as_an_origin(setting: str, url: str) -> None:
    value = (url,) if setting == "allowed_origins" else url
    with pytest.raises(ConfigurationError, match=f"KEYWRIGHT_{setting.upper()}: ") as refusal:
        load_settings(_env_file=None, **{setting: value})
    assert "must look like https://" in refusal.value.detail
    assert "hidden" not in refusal.value.detail


@pytest.mark.parametrize("proxies", [("unix",), ("unix", "10.0.0.0/8")])
def test_a_proxy_is_a_network_or_a_unix_socket(proxies: tuple[str, ...]) -> None:
    start(**{**SAFE, "trusted_proxies": proxies})


@pytest.mark.parametrize("proxy", ["nginx", "/run/nginx.sock", "10.0.0.0/33"])
def test_what_names_no_proxy_is_refused(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match=r"KEYWRIGHT_TRUSTED_PROXIES: .* unix"):
        load_settings(_env_file=None, trusted_proxies=(proxy,))
