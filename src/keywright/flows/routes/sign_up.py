from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from keywright.core.ids import new_secret
from keywright.core.web import api_router, resolve_caller
from keywright.core.web.cookies import sign_up_cookie
from keywright.core.web.openapi import OPTIONAL_SIGN_IN
from keywright.core.web.origin import refuse_cross_site
from keywright.flows import prove_address
from keywright.flows.profiles import check_profile
from keywright.flows.prove_address import LinkHolder
from keywright.flows.routes import schemas as s
from keywright.flows.routes.cookies import set_device_cookie, set_refresh_cookie
from keywright.flows.sign_in import ApiSignIn
from keywright.flows.sign_up import SignUpForm, sign_up_for_api

if TYPE_CHECKING:
    from keywright.core.context import Context

WEEK = 7 * 86_400


def routes(kw: Context) -> APIRouter:
    api = api_router(kw, "/auth", tags=["auth"])

    @api.post(
        "/register",
        status_code=202,
        response_model=s.VerificationSent,
        responses={201: {"model": s.TokensOut, "description": "With verification off."}},
    )
    async def register(request: Request, body: s.RegisterBody) -> Response:
        """Sign up. The same answer for a known address, whose owner is told by mail."""
        refuse_cross_site(request, kw.settings)
        browser_secret = new_secret()
        form = SignUpForm(
            body.email,
            body.password,
            body.username,
            body.name,
            body.locale,
            check_profile(kw, body.profile),
        )
        caller = resolve_caller(request, kw.settings)
        signed_in = await sign_up_for_api(kw, form, caller, browser_secret=browser_secret)
        return answer_sign_up(kw, body, signed_in, browser_secret)

    @api.post("/verify-email", openapi_extra=OPTIONAL_SIGN_IN)
    async def verify_email(request: Request, body: s.VerifyEmailBody) -> s.VerifiedOut:
        """Use the mailed token. From another browser than the one that signed up, send
        `new_password` too.
        """
        principal = await kw.authenticator.authenticate(request)
        cookie = sign_up_cookie(kw.settings).read(request)
        holder = LinkHolder(
            browser_secret=body.registration_token or cookie,
            user_id=principal.user.id if principal and principal.user else None,
            new_password=body.new_password,
        )
        caller = resolve_caller(request, kw.settings)
        user = await prove_address.verify_email(kw, body.token, holder, caller)
        return s.VerifiedOut(user=s.UserOut.of(user))

    @api.post("/resend-verification", status_code=202)
    async def resend_verification(request: Request, body: s.EmailBody) -> s.VerificationSent:
        """Mail another link. The same answer for any address."""
        caller = resolve_caller(request, kw.settings)
        await prove_address.ask_for_verification(kw, body.email, caller)
        return s.VerificationSent()

    return api


def answer_sign_up(
    kw: Context, body: s.RegisterBody, signed_in: ApiSignIn | None, browser_secret: str
) -> Response:
    """The registering client is marked by a cookie, or by a token that it keeps itself."""
    in_body = body.token_transport == "body"
    answer: s.VerificationSent | s.TokensOut
    if signed_in is None:
        answer = s.VerificationSent(registration_token=browser_secret if in_body else None)
    else:
        answer = s.TokensOut.of(signed_in.tokens, with_refresh_token=in_body)
    response = JSONResponse(s.present(answer), 202 if signed_in is None else 201)
    if not in_body:
        sign_up_cookie(kw.settings).write(response, browser_secret, max_age=WEEK)
    if signed_in is not None:
        set_device_cookie(kw, response, signed_in.device)
        if not in_body:
            set_refresh_cookie(kw, response, signed_in.tokens)
    return response
