"""What `django_seed.py` fills the database with."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from clients import APP, APP_CALLBACK, SERVICE, SERVICE_SECRET
from django.contrib.auth.models import User
from django.core.management import call_command
from oauth2_provider.models import AccessToken, Application, RefreshToken

from benchmarks.peers.django_rows import accounts, session_of, store
from benchmarks.subject import spread

KEPT_TOKENS = 4_096
SIGNED_IN = 64
LIFETIME = timedelta(days=1)
BACKEND = "django.contrib.auth.backends.ModelBackend"


def fill(user_count: int, sessions: int, file: Path) -> None:
    """`file` gets what is known afterwards only: access tokens of some of the sessions, the token
    that the resource server asks with, and the cookies of some people who are signed in.
    """
    call_command("migrate", verbosity=0)
    app, service = add_app(), add_service()
    users = list(store(accounts(user_count)))
    wanted = set(spread(sessions, KEPT_TOKENS))
    issued = store(access_token(app, users[number % user_count]) for number in range(sessions))
    kept: list[str] = []
    for number, row in enumerate(store(refresh_tokens(issued))):
        if number in wanted:
            kept.append(row.access_token.token)
    signed_in = [session_of(users[number], BACKEND) for number in spread(user_count, SIGNED_IN)]
    cookies = [session.session_key for session in store(signed_in)]
    asker = access_token(service, None, "introspection")
    asker.save()
    known = {"access_tokens": kept, "asker": asker.token, "cookies": cookies}
    file.write_text(json.dumps(known))


def add_app() -> Application:
    """A public client of people who need not consent, since it is the house's own."""
    return Application.objects.create(
        client_id=APP,
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=APP_CALLBACK,
        skip_authorization=True,
    )


def add_service() -> Application:
    return Application.objects.create(
        client_id=SERVICE,
        client_secret=SERVICE_SECRET,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    )


def access_token(client: Application, user: User | None, scope: str = "read write") -> AccessToken:
    return AccessToken(
        user=user,
        application=client,
        token=secrets.token_hex(15),  # 30 characters, as the toolkit's own
        expires=datetime.now(UTC) + LIFETIME,
        scope=scope,
    )


def refresh_tokens(issued: Iterator[AccessToken]) -> Iterator[RefreshToken]:
    for access in issued:
        yield RefreshToken(
            user=access.user,
            application=access.application,
            access_token=access,
            token=secrets.token_hex(15),
            token_family=uuid4(),
        )
