"""`KEYWRIGHT_MAIL_URL`: which mail server, and how its connection is protected."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from keywright.core.errors import ConfigurationError
from keywright.core.hosts import is_loopback

SUBMISSION_PORT = 587  # RFC 6409
SUBMISSIONS_PORT = 465  # RFC 8314
EXAMPLE = "smtp://user:password@smtp.example.com:587?tls=starttls"


class Tls(StrEnum):
    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    tls: Tls
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_mail_url(url: str) -> MailServer:
    """Raises `ConfigurationError`, which never repeats the URL: it holds a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise bad_mail_url("it cannot be read as a URL") from None
    if parts.scheme not in {"smtp", "smtps"}:
        raise bad_mail_url("it must begin with smtp:// or smtps://")
    if not parts.hostname:
        raise bad_mail_url("it names no host")
    if parts.path not in {"", "/"} or parts.fragment or "@" in parts.query:
        raise bad_mail_url(
            "it has a path or fragment, or an `@` after its host; write a `/`, `?` or `#` of a "
            "user name or password as %2F, %3F or %23"
        )
    tls = parse_tls(parts)
    server = MailServer(
        host=parts.hostname,
        port=parse_port(parts, tls),
        tls=tls,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )
    refuse_clear_text_password(server)
    return server


def parse_tls(parts: SplitResult) -> Tls:
    options = parse_qs(parts.query, keep_blank_values=True)
    unknown = sorted(options.keys() - {"tls"})
    if unknown:
        raise bad_mail_url(f"it has an unknown option {unknown[0]!r}; there is only `tls`")
    if "tls" not in options:
        implicit = parts.scheme == "smtps" or parse_port(parts, None) == SUBMISSIONS_PORT
        return Tls.IMPLICIT if implicit else Tls.STARTTLS
    chosen = options["tls"][-1]
    if chosen not in set(Tls):
        raise bad_mail_url("`tls` must be starttls, implicit or none")
    if parts.scheme == "smtps" and chosen != Tls.IMPLICIT:
        raise bad_mail_url("smtps:// means tls=implicit; for another choice write smtp://")
    return Tls(chosen)


def parse_port(parts: SplitResult, tls: Tls | None) -> int:
    try:
        port = parts.port
    except ValueError:
        raise bad_mail_url("its port must be a number from 1 to 65535") from None
    if port == 0:
        raise bad_mail_url("its port must be a number from 1 to 65535")
    return port or (SUBMISSIONS_PORT if tls is Tls.IMPLICIT else SUBMISSION_PORT)


def refuse_clear_text_password(server: MailServer) -> None:
    if server.username and server.tls is Tls.NONE and not is_loopback(server.host):
        raise bad_mail_url(
            "with tls=none the password would cross the network in clear text; use "
            "tls=starttls or tls=implicit, or leave user and password out"
        )


def bad_mail_url(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"KEYWRIGHT_MAIL_URL cannot be used: {reason}. Set it like {EXAMPLE}."
    )
