from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from keywright.core.errors import KeywrightError
from keywright.core.web import resolve_caller
from keywright.flows import recover_account
from keywright.pages.form import EMAIL
from keywright.pages.form_page import FormPage
from keywright.pages.page import Pages
from keywright.pages.page_route import GET


def add(api: APIRouter, pages: Pages) -> None:
    kw, page = pages.kw, FormPage(pages, "forgot_password.jinja", EMAIL)
    sent = FormPage(pages, "reset_sent.jinja", EMAIL)

    @api.api_route("/forgot-password", methods=[*GET])
    async def show(request: Request) -> Response:
        return page.show(request)

    @api.post("/forgot-password")
    async def forgot_password(request: Request) -> Response:
        form, caller = await page.read(request), resolve_caller(request, kw.settings)
        try:
            page.check(request, form)
            await recover_account.forgot_password(kw, form["email"], caller)
        except KeywrightError as error:
            return page.show(request, form.refused(error))
        return sent.show(request, form)
