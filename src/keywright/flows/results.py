"""What a sign-in gives: tokens, and the cookies that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from keywright.accounts.users.models import UserRecord, public_user
from keywright.core.ids import new_secret
from keywright.core.principal import User
from keywright.flows.profiles import build_profile
from keywright.protocol.access_token import ACCESS_TOKEN_TYPE, AccessToken
from keywright.sessions.models import SessionOfUser
from keywright.sessions.refresh_token import FIRST_PARTY

if TYPE_CHECKING:
    from keywright.core.context import Context


@dataclass(frozen=True, slots=True)
class Tokens:
    """An access token, how many seconds it lives, and the refresh token beside it, if any."""

    access_token: str
    expires_in: int
    user: User[Any]
    refresh_token: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An access token by itself (RFC 6749 §5.1, RFC 6750). `expires_in` is in seconds."""

    access_token: str
    expires_in: int
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - no password


def present_user(kw: Context, record: UserRecord) -> User[Any]:
    """The account as applications see it, with the host's own profile model."""
    profile = build_profile(kw, record.profile, record.id)
    return public_user(record, profile, kw.notifications.chosen(record.notifications))


async def issue_tokens(
    kw: Context, session: SessionOfUser, now: datetime, *, refresh_token: str | None = None
) -> Tokens:
    """Sign an access token of our own audience for this session (RFC 9068)."""
    settings, user = kw.settings, present_user(kw, session.user)
    issued_at = int(now.timestamp())
    claims = AccessToken(
        iss=settings.base_url,
        aud=settings.base_url,
        sub=str(session.user.id),
        sid=str(session.session_id),
        jti=new_secret(96),
        client_id=FIRST_PARTY,
        iat=issued_at,
        exp=issued_at + settings.access_token_ttl,
        auth_time=int(session.auth_time.timestamp()),
        amr=tuple(session.amr.split()),
        scope=session.scope or "",
        extra=await kw.hooks.collect_claims(user) if kw.hooks.has_claims else {},
    )
    return Tokens(
        access_token=kw.keys.sign(claims.to_claims(), typ=ACCESS_TOKEN_TYPE),
        expires_in=settings.access_token_ttl,
        user=user,
        refresh_token=refresh_token,
        scope=session.scope,
    )
