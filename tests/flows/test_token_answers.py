"""What a sign-in answers is what its schema describes, though nothing is validated again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pydantic
import pytest

from keywright.core.principal import User
from keywright.flows.results import Tokens
from keywright.flows.routes import schemas as s


class Shoes(pydantic.BaseModel):
    size: int
    color: str | None = None


BARE = User(
    id=UUID(int=1),
    email="ada@example.com",
    email_verified=False,
    username=None,
    name=None,
    locale=None,
    roles=(),
    created_at=datetime(2026, 1, 2, tzinfo=UTC),
)
FULL = User(
    id=UUID(int=2),
    email="björk@exämple.is",
    email_verified=True,
    username="björk",
    name='B. "Guðmundsdóttir" \u2028',
    locale="is",
    roles=("admin", "editor"),
    created_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    profile=Shoes(size=37),
)


@pytest.mark.parametrize("user", [BARE, FULL])
@pytest.mark.parametrize("refresh_token", [None, "kwr_abc"])
@pytest.mark.parametrize("scope", [None, "", "users:read"])
@pytest.mark.parametrize("with_refresh_token", [True, False])
def test_tokens_are_written_as_their_schema_says(user, refresh_token, scope, with_refresh_token):
    tokens = Tokens("a.b.c", 900, user, refresh_token, scope)
    written = json.loads(s.tokens_json(tokens, with_refresh_token=with_refresh_token))
    described = s.present(s.TokensOut.of(tokens, with_refresh_token=with_refresh_token))
    assert list(written.items()) == list(described.items())
    assert s.TokensOut.model_validate(written).user.email == user.email


@pytest.mark.parametrize("user", [BARE, FULL])
def test_an_account_is_written_as_its_schema_says(user):
    assert s.user_json(user) == s.UserOut.of(user).model_dump_json().encode()
