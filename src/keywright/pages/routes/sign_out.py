from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from keywright.core.errors import KeywrightError
from keywright.core.web import resolve_caller
from keywright.core.web.cookies import page_cookie
from keywright.flows import stay_signed_in
from keywright.pages.announcements import Announcement, announce
from keywright.pages.form_page import FormPage
from keywright.pages.page import Pages
from keywright.pages.page_route import GET
from keywright.pages.visitor import find_visitor


def add(api: APIRouter, pages: Pages) -> None:
    kw, page = pages.kw, FormPage(pages, "sign_out.jinja")

    @api.api_route("/sign-out", methods=[*GET])
    async def show(request: Request) -> Response:
        visitor = await find_visitor(kw, request)
        return page.show(request, visitor=visitor) if visitor else pages.go("/sign-in")

    @api.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        form, visitor = await page.read(request), await find_visitor(kw, request)
        if visitor is not None:
            try:
                page.check(request, form, visitor)
                caller = resolve_caller(request, kw.settings)
                await stay_signed_in.sign_out(kw, caller, refresh_token=None, principal=visitor)
            except KeywrightError as error:
                return page.show(request, form.refused(error), visitor=visitor)
        response = pages.go("/sign-in")
        page_cookie(kw.settings).erase(response)
        announce(kw, response, Announcement.SIGNED_OUT)
        return response
