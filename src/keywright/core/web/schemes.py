"""The ways to show a credential, as OpenAPI describes them; the authenticator reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi.openapi.models import OAuthFlowPassword
from fastapi.security import APIKeyCookie, OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from keywright.core.web.cookies import page_cookie
from keywright.core.web.openapi import BEARER, COOKIE


class BearerScheme(OAuth2PasswordBearer):
    """Only describes: the authenticator reads it. So it asks nothing of requests or websockets."""

    async def __call__(self, request: HTTPConnection) -> None: ...


class SecuritySchemes:
    """The ways to show a credential, as OpenAPI describes them."""

    def __init__(self, settings: Any) -> None:
        self.bearer = BearerScheme(
            tokenUrl=login_url(settings),
            scheme_name=BEARER,
            description="Sign in with e-mail address and password.",
            auto_error=False,
        )
        self.cookie = APIKeyCookie(
            name=page_cookie(settings).full_name,
            scheme_name=COOKIE,
            description="The cookie of the hosted sign-in pages.",
            auto_error=False,
        )

    def offer(self, scopes: Iterable[str]) -> None:
        """A scope that a route asks for is one that `/docs` may sign in with."""
        self._password.scopes.update(dict.fromkeys(scopes, ""))

    def move_login(self, settings: Any) -> None:
        self._password.tokenUrl = login_url(settings)

    def number(self, number: int) -> None:
        """Other names than those of the Keywrights that are in the application already."""
        self.bearer.scheme_name, self.cookie.scheme_name = f"{BEARER}{number}", f"{COOKIE}{number}"

    @property
    def login(self) -> str:
        return self._password.tokenUrl

    @property
    def _password(self) -> OAuthFlowPassword:
        flow: OAuthFlowPassword = self.bearer.model.flows.password  # type: ignore[attr-defined]  # an OAuth2 model has flows
        return flow


def login_url(settings: Any) -> str:
    return f"{settings.api_path}/auth/login"
