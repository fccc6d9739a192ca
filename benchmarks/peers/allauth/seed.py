"""What `django_seed.py` fills the database with."""

from __future__ import annotations

import json
import time
from pathlib import Path

from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command

from benchmarks.peers.django_rows import accounts, session_of, store
from benchmarks.subject import spread

KEPT_TOKENS = 4_096
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def fill(users: int, sessions: int, file: Path) -> None:
    """`file` gets the tokens of some of the sessions."""
    call_command("migrate", verbosity=0)
    addresses = store(map(address_of, store(accounts(users))))
    owners = [address.user for address in addresses]
    wanted = set(spread(sessions, KEPT_TOKENS))
    stored = store(session_of_app(owners[number % users]) for number in range(sessions))
    tokens = [row.session_key for number, row in enumerate(stored) if number in wanted]
    file.write_text(json.dumps(tokens))


def address_of(user: User) -> EmailAddress:
    return EmailAddress(user=user, email=user.email, verified=True, primary=True)


def session_of_app(user: User) -> Session:
    """As signing in with a password leaves it."""
    method = {"method": "password", "at": time.time(), "email": user.email}
    return session_of(user, BACKEND, account_authentication_methods=[method])
