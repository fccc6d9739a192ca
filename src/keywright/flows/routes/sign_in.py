from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import pydantic
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from keywright.core.errors import NotAuthenticated
from keywright.core.principal import Principal
from keywright.core.web import api_router, resolve_caller
from keywright.core.web.body import FORM, JSON, MULTIPART, media_type_of
from keywright.core.web.cookies import device_cookie, refresh_cookie, sign_up_cookie
from keywright.core.web.json_response import JsonResponse
from keywright.core.web.openapi import OPTIONAL_SIGN_IN
from keywright.core.web.origin import refuse_cross_site
from keywright.core.web.problem import validation_error
from keywright.core.web.require import own_session
from keywright.core.web.route import PlainRoute
from keywright.flows import stay_signed_in
from keywright.flows.results import Tokens
from keywright.flows.routes import schemas as s
from keywright.flows.routes.cookies import set_device_cookie, set_page_cookie, set_refresh_cookie
from keywright.flows.sign_in import SignInForm, sign_in_for_api

if TYPE_CHECKING:
    from keywright.core.context import Context

Model = TypeVar("Model", bound=pydantic.BaseModel)


class RefreshTokenRoute(PlainRoute):
    """A refresh token in the body is an explicit credential: cookies are then ignored."""

    async def has_explicit_credential(self, request: Request) -> bool:
        return b'"refresh_token"' in await request.body() and (
            (await read_refresh_body(request)).refresh_token is not None
        )


def reauthentication(kw: Context) -> APIRouter:
    api = api_router(kw, "/auth", tags=["auth"])
    signed_in = own_session(kw)

    @api.post("/reauthenticate", response_model=s.TokensOut)
    async def reauthenticate(
        request: Request, body: s.PasswordBody, principal: Principal = Depends(signed_in)
    ) -> Response:
        """Prove yourself again: the session's `auth_time` is now."""
        caller = resolve_caller(request, kw.settings)
        proved = await stay_signed_in.reauthenticate(kw, principal, body.password, caller)
        answer = JSONResponse(s.present(s.TokensOut.of(proved.tokens, with_refresh_token=False)))
        if proved.page_secret is not None:
            set_page_cookie(kw, answer, proved.page_secret)
        return answer

    return api


def signing_in(kw: Context) -> APIRouter:
    api = api_router(kw, "/auth", tags=["auth"], accepts=(JSON, FORM, MULTIPART), base=PlainRoute)

    @api.post("/login", response_model=s.TokensOut, openapi_extra=LOGIN_BODY)
    async def login(request: Request) -> Response:
        """Sign in with an OAuth2 password form (RFC 6749 §4.3.2) or JSON."""
        refuse_cross_site(request, kw.settings)
        body = await read_login(request)
        caller = resolve_caller(request, kw.settings)
        form = SignInForm(
            body.email,
            body.password,
            body.scope,
            device=device_cookie(kw.settings).read(request),
            browser_secret=sign_up_cookie(kw.settings).read(request),
        )
        signed_in = await sign_in_for_api(kw, form, caller)
        response = answer_tokens(kw, signed_in.tokens, in_body=body.token_transport == "body")
        set_device_cookie(kw, response, signed_in.device)
        return response

    return api


def staying_signed_in(kw: Context) -> APIRouter:
    api = api_router(kw, "/auth", tags=["auth"], base=RefreshTokenRoute)

    @api.post("/refresh", response_model=s.TokensOut, openapi_extra=describe_refresh(kw))
    async def refresh(request: Request) -> Response:
        """New tokens for a refresh token from the cookie, or from the body."""
        body = await read_refresh_body(request)
        presented = find_refresh_token(kw, request, body)
        if presented is None:
            raise NotAuthenticated("Send the refresh cookie, or `refresh_token` in the body.")
        caller = resolve_caller(request, kw.settings)
        tokens = await stay_signed_in.refresh(kw, presented, caller)
        return answer_tokens(kw, tokens, in_body=body.refresh_token is not None)

    @api.post(
        "/logout", status_code=204, openapi_extra={**describe_refresh(kw), **OPTIONAL_SIGN_IN}
    )
    async def logout(request: Request) -> Response:
        """End the session of the cookie, the body's refresh token or the bearer token."""
        body = await read_refresh_body(request)
        principal = await find_principal(kw, request)
        token = find_refresh_token(kw, request, body)
        caller = resolve_caller(request, kw.settings)
        await stay_signed_in.sign_out(kw, caller, refresh_token=token, principal=principal)
        response = Response(status_code=204)
        refresh_cookie(kw.settings).erase(response)
        return response

    return api


def answer_tokens(kw: Context, tokens: Tokens, *, in_body: bool) -> Response:
    """The refresh token goes into an HttpOnly cookie, or into the body for native clients."""
    response = JsonResponse(s.tokens_json(tokens, with_refresh_token=in_body))
    if not in_body:
        set_refresh_cookie(kw, response, tokens)
    return response


def find_refresh_token(kw: Context, request: Request, body: s.RefreshBody) -> str | None:
    """One in the body is an explicit credential: the cookie is then ignored."""
    if body.refresh_token is not None:
        return body.refresh_token
    return refresh_cookie(kw.settings).read(request)


async def find_principal(kw: Context, request: Request) -> Principal | None:
    """Signing out always succeeds: a credential that is not good any more is none."""
    if "authorization" not in request.headers:
        return None
    try:
        return await kw.authenticator.identify(request)
    except NotAuthenticated:
        return None


async def read_login(request: Request) -> s.LoginBody:
    if media_type_of(request) == JSON:
        return parse(s.LoginBody, await request.json())
    async with request.form() as fields:
        form = parse(s.LoginForm, dict(fields))
    return s.LoginBody(
        email=form.username,
        password=form.password,
        scope=form.scope,
        token_transport=form.token_transport,
    )


async def read_refresh_body(request: Request) -> s.RefreshBody:
    if not (await request.body()).strip():
        return s.RefreshBody()
    return parse(s.RefreshBody, await request.json())


def parse(model: type[Model], value: Any) -> Model:
    try:
        return model.model_validate(value)
    except pydantic.ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise validation_error([{**one, "loc": ("body", *one["loc"])} for one in found]) from None


def describe_refresh(kw: Context) -> dict[str, Any]:
    cookie = {
        "name": refresh_cookie(kw.settings).full_name,
        "in": "cookie",
        "required": False,
        "schema": {"type": "string"},
    }
    body = {JSON: {"schema": s.RefreshBody.model_json_schema()}}
    return {"parameters": [cookie], "requestBody": {"required": False, "content": body}}


LOGIN_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {"schema": s.LoginForm.model_json_schema()},
            JSON: {"schema": s.LoginBody.model_json_schema()},
            MULTIPART: {"schema": s.LoginForm.model_json_schema()},
        },
    }
}
