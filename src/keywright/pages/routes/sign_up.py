from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from keywright.accounts.users.errors import EmailTaken
from keywright.core.errors import KeywrightError
from keywright.core.ids import new_secret
from keywright.core.web import resolve_caller
from keywright.core.web.cookies import sign_up_cookie
from keywright.core.web.return_to import origin_of, require_registered_return
from keywright.flows.routes.cookies import set_device_cookie, set_page_cookie
from keywright.flows.routes.sign_up import WEEK
from keywright.flows.sign_in import PageSignIn
from keywright.flows.sign_up import SignUpForm, sign_up_for_pages
from keywright.pages.form import CHOSEN_PASSWORD, EMAIL, RETURN_TO, Form
from keywright.pages.form_page import FormPage
from keywright.pages.page import Pages
from keywright.pages.page_route import GET
from keywright.pages.routes.sign_in import end_earlier_session, go_on
from keywright.pages.routes.verify_email import check_mail
from keywright.pages.visitor import find_visitor

if TYPE_CHECKING:
    from keywright.core.context import Context


def add(api: APIRouter, pages: Pages) -> None:
    kw, sent = pages.kw, check_mail(pages)
    page = FormPage(pages, "sign_up.jinja", EMAIL, CHOSEN_PASSWORD, RETURN_TO)

    @api.api_route("/sign-up", methods=[*GET])
    async def show(request: Request, return_to: str = "") -> Response:
        require_registered_return(return_to, kw.settings)
        if await find_visitor(kw, request):
            return go_on(pages, return_to)
        return show_form(request, Form({"return_to": return_to}))

    @api.post("/sign-up")
    async def register(request: Request) -> Response:
        form, browser_secret = await page.read(request), new_secret()
        require_registered_return(form["return_to"], kw.settings)
        try:
            page.check(request, form)
            signed_in = await tell(kw, request, form, browser_secret)
        except EmailTaken as error:
            return show_form(request, form.refused(error, at="email"))
        except KeywrightError as error:
            return show_form(request, form.refused(error))
        response = answer(request, form, signed_in)
        sign_up_cookie(kw.settings).write(response, browser_secret, max_age=WEEK)
        return response

    def answer(request: Request, form: Form, signed_in: PageSignIn | None) -> Response:
        if signed_in is None:
            return sent.show(request, Form({"email": form["email"].strip()}))
        response = go_on(pages, form["return_to"])
        set_page_cookie(pages.kw, response, signed_in.secret)
        set_device_cookie(pages.kw, response, signed_in.device)
        return response

    def show_form(request: Request, form: Form) -> Response:
        return page.show(request, form, form_targets=origin_of(form["return_to"]))


async def tell(kw: Context, request: Request, form: Form, browser_secret: str) -> PageSignIn | None:
    """The cookies' values where nothing has to be proven first. The page has no fields of a host's
    profile: it stays empty until the application asks for them.
    """
    caller = resolve_caller(request, kw.settings)
    wanted = SignUpForm(form["email"], form["password"])
    signed_in = await sign_up_for_pages(kw, wanted, caller, browser_secret=browser_secret)
    if signed_in is not None:
        await end_earlier_session(kw, request, caller)
    return signed_in
