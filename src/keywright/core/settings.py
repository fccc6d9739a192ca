"""Every setting, in one class: environment (`KEYWRIGHT_…`), `.env`, `keywright.toml`.

Each has a description, a safe default and an example; `docs/reference/settings.md` is made from
them. Development needs none of them; production refuses unsafe values in a sentence.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from keywright.core.data_dir import make_data_dir, named_when_unusable
from keywright.core.errors import ConfigurationError
from keywright.core.hosts import (
    read_host,
    read_origin,
)
from keywright.core.settings_files import refuse_unreadable_env, refuse_unreadable_toml

UNIX_SOCKET = "unix"  # the word for a proxy that has no address
BASE_URL_FORM = (
    "must look like https://accounts.example.com, perhaps with a port and a path, and with no user "
    "name, query or fragment"
)
ORIGIN_FORM = "each must look like https://app.example.com, perhaps with a port, and nothing else"
PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
Words = Annotated[tuple[str, ...], NoDecode]
ENV_FILE, TOML_FILE = Path(".env"), Path("keywright.toml")


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


def setting(default: Any, description: str, example: str, **rules: Any) -> Any:
    return Field(default, description=description, examples=[example], **rules)


class Settings(BaseSettings):
    """Settings of one Keywright. Arguments win over the environment, that over files."""

    model_config = SettingsConfigDict(
        env_prefix="KEYWRIGHT_",
        env_file=ENV_FILE,
        env_file_encoding="utf-8-sig",
        toml_file=TOML_FILE,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    env: Environment | None = setting(
        None,
        "`development` or `production`. Unset means development, and only while the base URL and "
        "the bind address are loopback.",
        "production",
    )
    base_url: str = setting(
        "http://127.0.0.1:8000",
        "Where people reach this server: mail links, cookies and metadata are built from it.",
        "https://accounts.example.com",
    )
    data_dir: Path = setting(
        Path("data"),
        "Folder for the SQLite file, the development secret and development mail.",
        "/var/lib/keywright",
    )
    database_url: str | None = setting(
        None,
        "Database, as SQLAlchemy or plain URL. Unset: SQLite in the data directory.",
        "postgresql://keywright:…@db.internal/keywright",
        repr=False,
    )
    cache_url: str | None = setting(
        None,
        "Valkey or Redis for limits and revocation notices among several processes.",
        "redis://cache.internal:6379/0",
        repr=False,
    )
    secret_key: str | None = setting(
        None,
        "Master secret, 32 characters or more. Development makes one in the data directory.",
        "the output of `openssl rand -base64 48`",
        repr=False,
    )
    secret_keys_old: Words = setting(
        (),
        "Earlier master secrets, comma-separated: they still open and verify.",
        "old-secret-1,old-secret-2",
        repr=False,
    )
    mail_url: str | None = setting(
        None,
        "Mail server; `?tls=starttls|implicit|none`. Unset in development: /dev/mail only.",
        "smtp://user:password@smtp.example.com:587?tls=starttls",
        repr=False,
    )
    mail_from: str = setting(
        "Keywright <no-reply@localhost>",
        "Sender of every mail.",
        "Example <accounts@example.com>",
    )
    app_name: str = setting(
        "Keywright", "The name people see on pages and in mails.", "Example", max_length=80
    )
    rate_limits: Literal["on", "off"] = setting(
        "on", "Limits by network address. Limits for each account always stay on.", "on"
    )
    reveal_registered: bool = setting(
        False,
        "Whether sign-up may say that an e-mail address is taken.",
        "false",
    )
    require_verification: bool = setting(
        True,
        "Whether an e-mail address must be proven before the first sign-in. "
        "`false` implies `reveal_registered`.",
        "true",
    )
    access_token_ttl: int = setting(
        900, "Life of an access token, seconds.", "900", ge=30, le=86_400
    )
    refresh_token_ttl: int = setting(
        30 * 86_400,
        "How long a session lives without use, seconds.",
        "2592000",
        ge=60,
        le=366 * 86_400,
    )
    session_max_age: int = setting(
        180 * 86_400,
        "How long a session lives at the most, seconds.",
        "15552000",
        ge=60,
        le=2 * 366 * 86_400,
    )
    max_sessions: int = setting(
        5, "Signed-in devices of one account; the least recently used goes.", "5", ge=1, le=1000
    )
    reauth_max_age: int = setting(
        600, "How old a sign-in may be for a sensitive change, seconds.", "600", ge=30, le=86_400
    )
    deletion_grace: int = setting(
        14 * 86_400,
        "How long the deletion of an account may still be cancelled once it is confirmed; then the "
        "account is purged. Seconds.",
        "1209600",
        ge=1,
        le=366 * 86_400,
    )
    trusted_proxies: Words = setting(
        (),
        "Networks of your reverse proxies, comma-separated, and `unix` for one that comes by a "
        "Unix socket: their forwarding headers are believed.",
        "10.0.0.0/8,127.0.0.1/32",
    )
    allowed_origins: Words = setting(
        (),
        "Origins of your own front ends, comma-separated, same-site with the base URL.",
        "https://app.example.com",
    )
    api_prefix: str = setting("/api/v1", "Where the JSON API lives.", "/api/v1")
    cookie_domain: str | None = setting(
        None,
        "Domain of the API's refresh cookie. Unset (safest): this host alone.",
        "example.com",
    )
    passkey_rp_id: str | None = setting(
        None, "Relying-party id of passkeys. Unset: the base URL's host.", "example.com"
    )
    password_min_length: int = setting(
        8, "Shortest password, characters after NFKC.", "8", ge=8, le=64
    )
    password_min_score: int = setting(
        2, "Lowest zxcvbn score of a new password, 0–4.", "2", ge=0, le=4
    )
    password_breach_check: bool = setting(
        False,
        "Ask the Pwned Passwords range service about new passwords (five characters of the hash "
        "leave the server). When it does not answer, the password is accepted.",
        "false",
    )
    argon2_memory_kib: int = setting(
        19_456, "Memory of one password hash, KiB.", "19456", ge=8, le=4_194_304
    )
    argon2_time_cost: int = setting(2, "Passes of one password hash.", "2", ge=1, le=100)
    log_format: Literal["auto", "text", "json"] = setting(
        "auto", "Log lines: text on a terminal, JSON elsewhere.", "json"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, dotenv_settings, toml, file_secret_settings

    @field_validator("secret_keys_old", "trusted_proxies", "allowed_origins", mode="before")
    @classmethod
    def split_words(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("base_url")
    @classmethod
    def normalize_base_url(cls, value: str) -> str:
        try:
            parts, origin = urlsplit(value), read_origin(value)
        except ValueError:
            raise ValueError(BASE_URL_FORM) from None
        if parts.query or parts.fragment:
            raise ValueError(BASE_URL_FORM)
        return origin + parts.path.rstrip("/")

    @field_validator("api_prefix")
    @classmethod
    def normalize_prefix(cls, value: str) -> str:
        return read_prefix(value)

    @field_validator("trusted_proxies")
    @classmethod
    def check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in set(value) - {UNIX_SOCKET}:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError(
                    f"{network!r} must look like 10.0.0.0/8, or be the word {UNIX_SOCKET}"
                ) from None
        return value

    @field_validator("allowed_origins")
    @classmethod
    def normalize_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            origins = tuple(read_origin(origin) for origin in value)
        except ValueError:
            raise ValueError(ORIGIN_FORM) from None
        if any(re.search(r"[/?#]", origin.partition("://")[2]) for origin in value):
            raise ValueError(ORIGIN_FORM)
        return origins

    @field_validator("cookie_domain")
    @classmethod
    def normalize_cookie_domain(cls, value: str | None) -> str | None:
        """A leading dot means nothing (RFC 6265 §5.2.3); an empty value is none."""
        try:
            return read_host(value.removeprefix(".")) if value else None
        except ValueError:
            raise ValueError("must look like example.com") from None

    @property
    def development(self) -> bool:
        return self.env is not Environment.PRODUCTION

    @property
    def secure_cookies(self) -> bool:
        return self.base_url.startswith("https://")

    @property
    def origin(self) -> str:
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def api_path(self) -> str:
        """Where browsers see the JSON API: below the base URL's path, in a mounted application."""
        return urlsplit(self.base_url).path + self.api_prefix

    @property
    def may_reveal_registered(self) -> bool:
        return self.reveal_registered or not self.require_verification

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'keywright.db'}"

    @property
    def uses_sqlite(self) -> bool:
        return self.effective_database_url.startswith("sqlite")

    @property
    def refresh_idle(self) -> timedelta:
        return timedelta(seconds=self.refresh_token_ttl)


def load_settings(**arguments: Any) -> Settings:
    """Read the settings; a value or a file that cannot be used ends in a sentence that names it."""
    if "_env_file" not in arguments:
        refuse_unreadable_env(ENV_FILE)
    refuse_unreadable_toml(TOML_FILE)
    try:
        return Settings(**arguments)
    except ValidationError as error:
        lines = [
            f"KEYWRIGHT_{'_'.join(str(part) for part in problem['loc'][:1]).upper()}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("; ".join(lines)) from None


def read_prefix(value: str) -> str:
    """Where the JSON API lives, without a slash at the end: nothing is the root. Raises
    `ValueError`.
    """
    prefix = value.rstrip("/")
    if not PREFIX.fullmatch(prefix):
        raise ValueError("must be a path that starts with a slash, as in /api/v1")
    return prefix


def development_secret(data_dir: Path) -> str:
    """The development secret: made once, in the data directory, readable by its owner alone.

    Raises `ConfigurationError`.
    """
    path = data_dir / "secret_key"
    make_data_dir(data_dir)
    with named_when_unusable(data_dir):
        if not path.exists():
            make_secret(path)
        secret = path.read_text(encoding="utf-8").strip()
    if not secret:
        raise ConfigurationError(
            f"The file {path} is empty: bring the secret in it back from a backup, or take the "
            "file away, which ends every session."
        )
    return secret


def make_secret(path: Path) -> None:
    partial = path.with_name(f".secret_key.{secrets.token_hex(8)}")
    partial.touch(mode=0o600)
    partial.write_text(secrets.token_urlsafe(48))
    try:
        path.hardlink_to(partial)  # fails if another process was first: its secret counts
    except FileExistsError:
        pass
    finally:
        partial.unlink()
