"""How the Django applications among the peers fill their tables, many rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db.models import Model
from django.utils.crypto import get_random_string

from benchmarks.subject import PASSWORD, email_of

AnyModel = TypeVar("AnyModel", bound=Model)

ROWS_AT_ONCE = 5_000
LIFETIME = timedelta(days=14)  # Django's own
CHARACTERS_OF_KEY = "abcdefghijklmnopqrstuvwxyz0123456789"


def store(rows: Iterable[AnyModel]) -> Iterator[AnyModel]:
    """Yields each row when it is in the table and has its primary key."""
    left = iter(rows)
    while some := list(islice(left, ROWS_AT_ONCE)):
        yield from type(some[0])._default_manager.bulk_create(some)  # noqa: SLF001 - Django's name


def accounts(count: int) -> Iterator[User]:
    password = make_password(PASSWORD)
    for number in range(count):
        email = email_of(number)
        yield User(username=email, email=email, password=password)


def session_of(user: User, backend: str, **more: Any) -> Session:
    content = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: backend,
        HASH_SESSION_KEY: user.get_session_auth_hash(),
        **more,
    }
    return Session(
        session_key=get_random_string(32, CHARACTERS_OF_KEY),
        session_data=SessionStore().encode(content),
        expire_date=datetime.now(UTC) + LIFETIME,
    )
