from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from keywright.core.errors import KeywrightError
from keywright.core.web import resolve_caller
from keywright.core.web.caller import Caller
from keywright.core.web.cookies import device_cookie, sign_up_cookie
from keywright.core.web.return_to import origin_of, require_registered_return
from keywright.flows.routes.cookies import set_device_cookie, set_page_cookie
from keywright.flows.sign_in import PageSignIn, SignInForm, sign_in_for_pages
from keywright.flows.stay_signed_in import sign_out
from keywright.pages.form import EMAIL, PASSWORD, RETURN_TO, Form
from keywright.pages.form_page import FormPage
from keywright.pages.page import Pages
from keywright.pages.page_route import GET
from keywright.pages.visitor import find_visitor

if TYPE_CHECKING:
    from keywright.core.context import Context


def add(api: APIRouter, pages: Pages) -> None:
    kw, page = pages.kw, FormPage(pages, "sign_in.jinja", EMAIL, PASSWORD, RETURN_TO)

    @api.api_route("/sign-in", methods=[*GET])
    async def show(request: Request, return_to: str = "") -> Response:
        require_registered_return(return_to, kw.settings)
        if await find_visitor(kw, request):
            return go_on(pages, return_to)
        return show_form(request, Form({"return_to": return_to}))

    @api.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        form = await page.read(request)
        require_registered_return(form["return_to"], kw.settings)
        try:
            page.check(request, form)
            signed_in = await open_session(pages, request, form)
        except KeywrightError as error:
            return show_form(request, form.refused(error))
        response = go_on(pages, form["return_to"])
        set_page_cookie(kw, response, signed_in.secret)
        set_device_cookie(kw, response, signed_in.device)
        return response

    def show_form(request: Request, form: Form) -> Response:
        return page.show(request, form, form_targets=origin_of(form["return_to"]))


async def open_session(pages: Pages, request: Request, form: Form) -> PageSignIn:
    """Always a new session: whatever page cookie the browser came with gains nothing."""
    kw, caller = pages.kw, resolve_caller(request, pages.kw.settings)
    shown = SignInForm(
        form["email"],
        form["password"],
        device=device_cookie(kw.settings).read(request),
        browser_secret=sign_up_cookie(kw.settings).read(request),
    )
    signed_in = await sign_in_for_pages(kw, shown, caller)
    await end_earlier_session(kw, request, caller)
    return signed_in


async def end_earlier_session(kw: Context, request: Request, caller: Caller) -> None:
    earlier = await find_visitor(kw, request)
    if earlier is not None:
        await sign_out(kw, caller, refresh_token=None, principal=earlier)


def go_on(pages: Pages, return_to: str) -> Response:
    """To where the person was going; `return_to` is known to be registered."""
    return RedirectResponse(return_to, 303) if return_to else pages.go("/account")
