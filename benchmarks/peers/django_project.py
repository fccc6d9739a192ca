"""The settings that Django applications among the peers share: a project in production."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

# What `startproject` writes; docs.djangoproject.com, "Deployment checklist", leaves it in place.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
# "How to configure and use logging": its first example. Answers that went wrong are then seen.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
PASSWORD_HASHERS = ["benchmarks.peers.django_hashers.SharedArgon2"]


def databases_at(url: str) -> dict[str, dict[str, Any]]:
    """Connections stay open ("Databases > Persistent connections")."""
    database = sqlite_at(url) if url.startswith("sqlite:") else postgresql_at(url)
    return {"default": {**database, "CONN_MAX_AGE": None}}


def sqlite_at(url: str) -> dict[str, Any]:
    """With what "Databases > SQLite notes" tells of pragmas, and of writers that wait."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": url.removeprefix("sqlite:///"),
        "OPTIONS": {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    }


def postgresql_at(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.removeprefix("/"),
        "USER": parts.username,
        "PASSWORD": parts.password or "",
        "HOST": parts.hostname,
        "PORT": parts.port,
    }
