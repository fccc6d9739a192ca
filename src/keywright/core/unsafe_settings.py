"""Settings that are refused before anything starts, each in a sentence that says what to set."""

from __future__ import annotations

from urllib.parse import urlsplit

from keywright.core.errors import ConfigurationError
from keywright.core.hosts import is_loopback, is_same_site, may_set_cookies_for
from keywright.core.settings import Settings

SECRET_KEY_MIN_LENGTH = 32
# What stands in secrets that somebody copied from a page. None has hexadecimal digits alone, and a
# random base64 value has one of them, in one case, once in a hundred million times.
WORDS_OF_EXAMPLES = ("change", "example", "password", "placeholder", "secret", "the output of")


def refuse_unsafe(settings: Settings, *, bind_host: str | None = None) -> None:
    """Raise `ConfigurationError` with what to set, where security.md wants a refusal."""
    refuse_unnamed_environment(settings, bind_host)
    refuse_origins_elsewhere(settings)
    refuse_cookie_domain_elsewhere(settings)
    if not settings.development:
        refuse_plain_http(settings)
        refuse_weak_secret(settings.secret_key)
        refuse_weak_old_secrets(settings.secret_keys_old)
        refuse_missing_mail(settings)
        refuse_database_in_memory(settings)


def refuse_unnamed_environment(settings: Settings, bind_host: str | None) -> None:
    host = urlsplit(settings.base_url).hostname or ""
    if settings.env is None and not (is_loopback(host) and is_loopback(bind_host or "localhost")):
        raise ConfigurationError(
            "KEYWRIGHT_ENV is not set, and this server would be reachable from other machines: "
            "set KEYWRIGHT_ENV=production (or development, on a network that you trust)."
        )


def refuse_origins_elsewhere(settings: Settings) -> None:
    """Browsers send no cookie of ours from another site: credentialed CORS would be for naught."""
    for origin in settings.allowed_origins:
        if not is_same_site(settings.base_url, origin):
            raise ConfigurationError(
                f"KEYWRIGHT_ALLOWED_ORIGINS holds {origin}, which is on another site than "
                f"{settings.base_url}: browsers send no cookies from there. Serve that front end "
                "under the same domain, by the same scheme, or take it out."
            )


def refuse_cookie_domain_elsewhere(settings: Settings) -> None:
    """Browsers drop such a cookie, and nobody would stay signed in."""
    host, domain = urlsplit(settings.base_url).hostname or "", settings.cookie_domain
    if domain is not None and not may_set_cookies_for(host, domain):
        raise ConfigurationError(
            f"Browsers take no cookie for {domain} from {host}: set KEYWRIGHT_COOKIE_DOMAIN to a "
            "domain of yours that holds this host, or leave it out."
        )


def refuse_plain_http(settings: Settings) -> None:
    """Cookies would go without `Secure` too."""
    if not settings.secure_cookies:
        raise ConfigurationError(
            "In production people must reach Keywright by https: set KEYWRIGHT_BASE_URL to the "
            f"https address of this server (it is {settings.base_url})."
        )


def refuse_missing_mail(settings: Settings) -> None:
    if settings.mail_url is None:
        raise ConfigurationError(
            "In production Keywright sends mail: set KEYWRIGHT_MAIL_URL, for example "
            "smtp://user:password@smtp.example.com:587?tls=starttls."
        )
    if "@localhost" in settings.mail_from:
        raise ConfigurationError(
            f"Mail would come from {settings.mail_from}, which most servers refuse: set "
            "KEYWRIGHT_MAIL_FROM, for example to Example <accounts@example.com>."
        )


def refuse_database_in_memory(settings: Settings) -> None:
    """What was answered with 2xx would be gone at the next restart."""
    from keywright.core.db.url import is_in_memory  # loads SQLAlchemy

    if is_in_memory(settings.effective_database_url):
        raise ConfigurationError(
            "KEYWRIGHT_DATABASE_URL names a SQLite database in memory, which forgets every account "
            "when the process ends: in production set it to a file, as in "
            "sqlite:////var/lib/keywright/keywright.db, or to a PostgreSQL database."
        )


def refuse_weak_secret(secret: str | None) -> None:
    advice = "set KEYWRIGHT_SECRET_KEY to the output of `openssl rand -base64 48`."
    if secret is None:
        raise ConfigurationError(f"Production needs a master secret: {advice}")
    if flaw := flaw_of_secret(secret):
        raise ConfigurationError(f"KEYWRIGHT_SECRET_KEY is {flaw}: {advice}")


def refuse_weak_old_secrets(secrets_old: tuple[str, ...]) -> None:
    """They still verify: who guesses one writes tokens that we believe."""
    for flaw in filter(None, map(flaw_of_secret, secrets_old)):
        raise ConfigurationError(
            f"KEYWRIGHT_SECRET_KEYS_OLD holds a secret that is {flaw}, and what it signed is still "
            "believed. Run `keywright key rotate --master` with KEYWRIGHT_ENV=development, then "
            "take it out."
        )


def flaw_of_secret(secret: str) -> str | None:
    if len(secret) < SECRET_KEY_MIN_LENGTH or len(set(secret)) < 8:  # noqa: PLR2004 - plainly weak; no random one in a lifetime
        return "too short or too simple"
    return "copied from an example" if is_from_example(secret) else None


def is_from_example(secret: str) -> bool:
    if secret.startswith("<") and secret.endswith(">"):
        return True
    return any(
        spelled in secret
        for word in WORDS_OF_EXAMPLES
        for spelled in (word, word.upper(), word.capitalize())
    )
