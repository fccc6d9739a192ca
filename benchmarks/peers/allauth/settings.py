"""A Django project with django-allauth's headless API and nothing else.

The pages: docs.allauth.org, "Installation > Quickstart" and "Headless > Installation".
"""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.peers import django_project as project

DEBUG = False
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "allauth",
    "allauth.account",
    "allauth.headless",
]
MIDDLEWARE = [*project.MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
TEMPLATES = project.TEMPLATES
LOGGING = project.LOGGING
DATABASES = project.databases_at(os.environ["DATABASE_URL"])
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = project.PASSWORD_HASHERS

# "Regular Accounts > Configuration": an e-mail address signs in. "> Rate Limits": none, so that
# no subject of a run is held back.
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_RATE_LIMITS = False

HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("app",)
HEADLESS_FRONTEND_URLS = {
    "account_confirm_email": "https://app.example.com/account/verify-email/{key}",
    "account_reset_password_from_key": "https://app.example.com/account/password/reset/key/{key}",
    "account_signup": "https://app.example.com/account/signup",
}

# "Headless > Token strategies > JWT tokens": signed with RS256 and rotated unless told otherwise.
if key := os.environ.get("JWT_PRIVATE_KEY_FILE"):
    # allauth 65.21 imports `cryptography` when it first needs it, and then misses this part.
    import cryptography.hazmat.primitives.serialization  # noqa: F401

    HEADLESS_TOKEN_STRATEGY = "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy"
    HEADLESS_JWT_PRIVATE_KEY = Path(key).read_text()
