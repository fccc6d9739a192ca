"""A Django project that is an OAuth server and nothing else.

The pages: django-oauth-toolkit.readthedocs.io, "Installation", "Settings", "Resource server" and
"RFC 9700 Security Best Current Practice".
"""

from __future__ import annotations

import os

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
    "oauth2_provider",
]
MIDDLEWARE = project.MIDDLEWARE
TEMPLATES = project.TEMPLATES
LOGGING = project.LOGGING
DATABASES = project.databases_at(os.environ["DATABASE_URL"])
PASSWORD_HASHERS = [*project.PASSWORD_HASHERS, "benchmarks.peers.django_hashers.HashOfRandom"]

OAUTH2_PROVIDER = {
    "SCOPES": {
        "read": "Read",
        "write": "Write",
        "introspection": "Ask about tokens",  # "Resource server"
    },
    "ROTATE_REFRESH_TOKEN": True,
    # "Settings": else a client's secret costs as much as a password, at each request.
    "CLIENT_SECRET_HASHER": "hash_of_random",
    # "RFC 9700 …": its "Compliant settings block".
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
}
